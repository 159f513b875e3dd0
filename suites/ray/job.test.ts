import { createHash, randomBytes } from 'node:crypto';
import { suite } from '../../helpers/check/suite.ts';
import { hasEnded, type RayClient, type RayJob, service } from '../../helpers/connect/ray.ts';
import { until } from '../../helpers/poll.ts';

const check = suite(service);

/** A job starts three Pythons one after the other (supervisor, driver, worker): 3 s at best, and minutes where nodes are added for it. */
const JOB_MS = 60_000;
/** Within this a stopped job has ended: its driver gets 3 s to end by itself. Source: ray 2.60, RAY_JOB_STOP_WAIT_TIME_S. */
const STOP_MS = 30_000;
const LOOK_MS = 100;

/** The answer is not in the text of the job, so only a task that ran can have put it into the log. */
const entrypoint = (nonce: string): string =>
  `python -c "
import hashlib, ray
ray.init(logging_level='ERROR')
@ray.remote(num_cpus=1)
def answer(nonce):
    return hashlib.sha256(nonce.encode()).hexdigest() + ' on ' + ray.get_runtime_context().get_node_id()
print('answer', ray.get(answer.remote('${nonce}')))
"`;

/** More than the store of a small node holds, in pieces that fit into it. */
const OBJECTS = { count: 8, bytes: 25_000_000 } as const;

/** One job for all that several checks ask: a job costs seconds. Each part tells its own end, in one line, and stops no other. */
const MANY_PARTS = `python -c "
import hashlib, os, ray
ray.init(logging_level='ERROR')
nonce = os.environ['ASSAY_NONCE']
def tell(part, work):
    try:
        told = work()
    except Exception as error:
        told = 'failed: ' + type(error).__name__ + ' ' + ' '.join(str(error).split())[:300]
    print('part', part, told, flush=True)
@ray.remote(num_cpus=0, max_restarts=1, max_task_retries=1)
class Actor:
    def process(self):
        return os.getpid()
    def die(self):
        os._exit(1)
@ray.remote(num_cpus=0)
class Counter:
    def __init__(self):
        self.count = 0
    def next(self):
        self.count += 1
        return self.count
@ray.remote(num_cpus=1, max_retries=1)
def dies_once(counter):
    attempt = ray.get(counter.next.remote())
    if attempt == 1:
        os._exit(1)
    return hashlib.sha256(nonce.encode()).hexdigest() + ' at attempt ' + str(attempt)
actor, counter = Actor.remote(), Counter.remote()
retried = dies_once.remote(counter)
def restart():
    before = ray.get(actor.process.remote())
    actor.die.options(max_task_retries=0).remote()
    after = ray.get(actor.process.remote())
    return 'restarted' if after != before else 'never died'
def store():
    pieces = [os.urandom(1000) * (${OBJECTS.bytes} // 1000) for n in range(${OBJECTS.count})]
    sums = [hashlib.sha256(piece).hexdigest() for piece in pieces]
    kept = [ray.put(piece) for piece in pieces]
    pieces.clear()
    same = sum(hashlib.sha256(ray.get(ref)).hexdigest() == told for ref, told in zip(kept, sums))
    return str(same) + ' objects came back'
tell('environment', lambda: hashlib.sha256(nonce.encode()).hexdigest())
tell('actor', restart)
tell('task', lambda: ray.get(retried))
tell('store', store)
"`;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

check(
  'ray.job.round-trip',
  {
    level: 'round-trip',
    claim:
      'A submitted job runs a task, succeeds, its log holds what the task computed, and it goes when it is deleted',
    writes: ['job'],
    deadlineMs: JOB_MS,
    otherwise: { class: 'data-wrong', remedy: 'read the log of the job and the logs of its node' },
  },
  async ({ ray, scratch, signal, expect, fail, observe }) => {
    const id = scratch.name('job', 'task');
    const nonce = randomBytes(16).toString('hex');
    await ray.jobs.submit(id, { entrypoint: entrypoint(nonce) }, signal);
    const { job, statuses } = await ended(ray, id, signal);
    observe({ submissionId: id, statuses });
    const logs = await ray.jobs.logs(id, signal);
    if (job.status !== 'SUCCEEDED') fail(unsuccessful(job, logs));
    expect(job.driver_exit_code, 'exit code of the driver').toBe(0);
    const [, answer, node] = /^answer ([0-9a-f]+) on (\S+)$/m.exec(logs) ?? [];
    expect(answer, 'what the task computed, as the log has it').toBe(sha256(nonce));
    await ray.jobs.remove(id, signal);
    return { status: job.status, exitCode: job.driver_exit_code ?? null, node: node ?? null };
  },
);

check(
  'ray.job.runtime-env',
  {
    level: 'semantics',
    claim: 'A job gets the variables of its runtime environment, and stands in the list of jobs with its metadata',
    writes: ['job'],
    deadlineMs: JOB_MS,
    otherwise: {
      class: 'data-wrong',
      remedy: 'read the log of the job, then runtime_env_agent.log on the node that its driver ran on',
    },
  },
  async ({ ray, scratch, signal, expect, fail, observe }) => {
    const id = scratch.name('job', 'parts');
    const nonce = randomBytes(16).toString('hex');
    const runtime_env = { env_vars: { ASSAY_NONCE: nonce } };
    await ray.jobs.submit(id, { entrypoint: MANY_PARTS, runtime_env, metadata: { nonce } }, signal);
    const { job, statuses } = await ended(ray, id, signal);
    observe({ submissionId: id, statuses });
    const logs = await ray.jobs.logs(id, signal);
    if (job.status !== 'SUCCEEDED') fail(unsuccessful(job, logs));
    expect(partOf(logs, 'environment'), 'what the job made of its variable').toBe(sha256(nonce));
    const listed = (await ray.jobs.list(signal)).filter(({ submission_id }) => submission_id === id);
    expect(listed, 'the job in the list').toEqual([
      expect.objectContaining({ status: 'SUCCEEDED', metadata: { nonce } }),
    ]);
    return { status: job.status };
  },
);

check(
  'ray.actor.restart',
  {
    level: 'availability',
    claim: 'An actor whose process dies is started anew, and answers the call that waited for it',
    needs: ['ray.job.runtime-env'],
    otherwise: { class: 'crash', remedy: 'read the log of the job, then gcs_server.out and raylet.out of its node' },
  },
  async ({ ray, scratch, signal, expect }) => {
    const told = partOf(await ray.jobs.logs(scratch.name('job', 'parts'), signal), 'actor');
    expect(told, 'what became of the actor').toBe('restarted');
    return { actor: told };
  },
);

check(
  'ray.task.retry',
  {
    level: 'availability',
    claim: 'A task whose worker dies under it is run again, and its second attempt brings the result',
    needs: ['ray.job.runtime-env'],
    otherwise: { class: 'crash', remedy: 'read the log of the job, then raylet.out of its node' },
  },
  async ({ ray, scratch, signal, expect }) => {
    const told = partOf(await ray.jobs.logs(scratch.name('job', 'parts'), signal), 'task');
    expect(told, 'what became of the task').toMatch(/^[0-9a-f]{64} at attempt 2$/);
    return { task: told ?? null };
  },
);

check(
  'ray.object.store',
  {
    level: 'durability',
    claim:
      'Two hundred megabytes of objects come back as they were put, also where the store has to spill them to disk',
    needs: ['ray.job.runtime-env'],
    otherwise: {
      class: 'volume',
      remedy: 'read the evidence, then raylet.out: look at /dev/shm and at the disk under the spill directory',
    },
  },
  async ({ ray, scratch, signal, expect }) => {
    const [logs, nodes] = await Promise.all([ray.jobs.logs(scratch.name('job', 'parts'), signal), ray.nodes(signal)]);
    const told = partOf(logs, 'store');
    expect(told, 'what became of the objects').toBe(`${OBJECTS.count} objects came back`);
    return {
      bytes: OBJECTS.count * OBJECTS.bytes,
      storeBytes: Math.min(...nodes.filter(({ alive }) => alive).map(({ objectStore }) => objectStore)),
    };
  },
);

check(
  'ray.job.failure-visible',
  {
    level: 'semantics',
    claim: 'A job whose command ends with an exit code of 3 is told of as FAILED, with that code and its last words',
    writes: ['job'],
    deadlineMs: JOB_MS,
    otherwise: { class: 'data-wrong', remedy: 'look for a wrapper around entrypoints that swallows their exit code' },
  },
  async ({ ray, scratch, signal, expect, observe }) => {
    const id = scratch.name('job', 'fails');
    const words = `last words ${randomBytes(8).toString('hex')}`;
    await ray.jobs.submit(id, { entrypoint: `echo ${words} >&2; exit 3` }, signal);
    const { job, statuses } = await ended(ray, id, signal);
    observe({ submissionId: id, statuses, exitCode: job.driver_exit_code ?? null, errorType: job.error_type ?? null });
    expect(job.status, 'status of the job').toBe('FAILED');
    expect(job.driver_exit_code, 'exit code of the driver').toBe(3);
    expect(job.message, 'message of the job').toContain(words);
    await ray.jobs.remove(id, signal);
    return { status: job.status };
  },
);

check(
  'ray.job.stop',
  {
    level: 'semantics',
    claim: 'A job that runs ends as STOPPED within 30 seconds of being told to stop',
    writes: ['job'],
    deadlineMs: JOB_MS,
    otherwise: { class: 'data-wrong', remedy: "read the job supervisor's log on the node that the driver ran on" },
  },
  async ({ ray, scratch, signal, expect, observe }) => {
    const id = scratch.name('job', 'stops');
    await ray.jobs.submit(id, { entrypoint: 'exec sleep 600' }, signal);
    const running = await until(
      async () => {
        const { status } = await ray.jobs.get(id, signal);
        return status === 'PENDING' ? undefined : status;
      },
      signal,
      LOOK_MS,
    );
    expect(running, 'status before the stop').toBe('RUNNING');
    const began = performance.now();
    await ray.jobs.stop(id, signal);
    const { job } = await ended(ray, id, signal);
    const stoppedInMs = Math.round(performance.now() - began);
    observe({ submissionId: id, stoppedInMs });
    expect(job.status, 'status after the stop').toBe('STOPPED');
    expect(stoppedInMs, 'milliseconds until it was stopped').toBeLessThan(STOP_MS);
    await ray.jobs.remove(id, signal);
    return { status: job.status };
  },
);

async function ended({ jobs }: RayClient, id: string, signal: AbortSignal) {
  const seen = new Set<RayJob['status']>();
  const job = await until(
    async () => {
      const now = await jobs.get(id, signal);
      seen.add(now.status);
      return hasEnded(now) ? now : undefined;
    },
    signal,
    LOOK_MS,
  );
  return { job, statuses: [...seen] };
}

const unsuccessful = (job: RayJob, logs: string) =>
  ({
    class: 'crash',
    cause: `the job ended as ${job.status}${job.error_type ? ` (${job.error_type})` : ''}`,
    remedy: 'read the evidence; the image needs nothing but `python` with Ray for it',
    evidence: `${job.message}\n${logs.split('\n').slice(-8).join('\n')}`,
  }) as const;

/** What a part of the shared job told of its end; null: nothing. */
const partOf = (logs: string, part: string): string | null =>
  new RegExp(`^part ${part} (.*)$`, 'm').exec(logs)?.[1] ?? null;
