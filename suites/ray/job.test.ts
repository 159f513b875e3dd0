import { createHash, randomBytes } from 'node:crypto';
import { suite } from '../../helpers/check/suite.ts';
import { hasEnded, type RayClient, type RayJob, type RayNode, service } from '../../helpers/connect/ray.ts';
import { until } from '../../helpers/poll.ts';

const check = suite(service);

/** A job starts three Pythons one after the other (supervisor, driver, worker): 3 s at best, and minutes where nodes are added for it. */
const JOB_MS = 60_000;
/** Within this a stopped job has ended: its driver gets 3 s to end by itself. Source: ray 2.60, RAY_JOB_STOP_WAIT_TIME_S. */
const STOP_MS = 30_000;
const LOOK_MS = 100;

/** More than the store of a small node holds, in pieces that fit into it. */
const OBJECTS = { count: 8, bytes: 25_000_000 } as const;
/** Tasks of one round that are to spread; there are more rounds while a node starts its first worker. */
const SPREAD = { tasks: 20, rounds: 30 } as const;

/**
 * One job for all that several checks ask: a job costs seconds, and so does every process of it. Each part tells its own end, in one
 * line, and stops no other. What it is given stands in its log as a hash only, so only a task that ran can have put it there.
 */
const PARTS = `python -c "
import hashlib, os, ray, sys, time
ray.init(logging_level='ERROR')
def told(text):
    return hashlib.sha256(text.encode()).hexdigest()
def tell(part, work):
    try:
        end = work()
    except Exception as error:
        end = 'failed: ' + type(error).__name__ + ' ' + ' '.join(str(error).split())[:600]
    print('part', part, end, flush=True)
@ray.remote(num_cpus=0, max_restarts=1, max_task_retries=1)
class Actor:
    def __init__(self):
        self.count = 0
    def next(self):
        self.count += 1
        return self.count
    def process(self):
        return os.getpid()
    def die(self):
        os._exit(1)
@ray.remote(num_cpus=1)
def answer(nonce):
    return told(nonce) + ' on ' + ray.get_runtime_context().get_node_id()
@ray.remote(num_cpus=1, max_retries=1)
def dies_once(counter):
    attempt = ray.get(counter.next.remote())
    if attempt == 1:
        os._exit(1)
    return 'came back at attempt ' + str(attempt)
@ray.remote(num_cpus=1, scheduling_strategy='SPREAD')
def square(n):
    time.sleep(0.02)
    return n * n, ray.get_runtime_context().get_node_id()
actor = Actor.remote()
tell('answer', lambda: ray.get(answer.remote(sys.argv[1])))
retried = dies_once.remote(actor)
def store():
    seeds = [os.urandom(1000) for n in range(${OBJECTS.count})]
    kept = [ray.put(seed * (${OBJECTS.bytes} // 1000)) for seed in seeds]
    same = sum(ray.get(ref) == seed * (${OBJECTS.bytes} // 1000) for ref, seed in zip(kept, seeds))
    return str(same) + ' objects came back'
def restart():
    before = ray.get(actor.process.remote())
    actor.die.options(max_task_retries=0).remote()
    after = ray.get(actor.process.remote())
    return 'restarted' if after != before else 'never died'
def spread():
    alive = {node['NodeID'] for node in ray.nodes() if node['Alive'] and node['Resources'].get('CPU')}
    seen, sums = set(), set()
    for n in range(${SPREAD.rounds} if len(alive) > 1 else 0):
        squares, nodes = zip(*ray.get([square.remote(n) for n in range(${SPREAD.tasks})]))
        sums.add(sum(squares))
        seen |= set(nodes)
        if seen >= alive:
            break
    return ' '.join(['sums', *map(str, sums), 'on', *sorted(seen)])
tell('environment', lambda: told(os.environ['ASSAY_NONCE']))
tell('store', store)
tell('task', lambda: ray.get(retried))
tell('actor', restart)
tell('spread', spread)
"`;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Of the numbers from 0 up to, and without, that one. */
const sumOfSquares = (count: number): number => ((count - 1) * count * (2 * count - 1)) / 6;

check(
  'ray.job.round-trip',
  {
    level: 'round-trip',
    claim: 'A submitted job runs a task, succeeds, and its log holds what the task computed',
    writes: ['job'],
    deadlineMs: JOB_MS,
    otherwise: { class: 'data-wrong', remedy: 'read the log of the job and the logs of its node' },
  },
  async ({ ray, scratch, signal, expect, fail, observe }) => {
    const id = scratch.name('job', 'parts');
    const nonce = randomBytes(16).toString('hex');
    const runtime_env = { env_vars: { ASSAY_NONCE: id } };
    const asked = { entrypoint: `${PARTS} ${nonce}`, runtime_env, metadata: { nonce: id } };
    await ray.jobs.submit(id, asked, signal);
    const { job, statuses } = await ended(ray, id, signal);
    observe({ submissionId: id, statuses });
    const logs = await ray.jobs.logs(id, signal);
    if (job.status !== 'SUCCEEDED') fail(unsuccessful(job, logs));
    expect(job.driver_exit_code, 'exit code of the driver').toBe(0);
    const [answer, node] = partOf(logs, 'answer')?.split(' on ') ?? [];
    expect(answer, 'what the task computed, as the log has it').toBe(sha256(nonce));
    return { status: job.status, exitCode: job.driver_exit_code ?? null, node: node ?? null };
  },
);

check(
  'ray.job.runtime-env',
  {
    level: 'semantics',
    claim: 'A job gets the variables of its runtime environment, and stands in the list of jobs with its metadata',
    needs: ['ray.job.round-trip'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'read the log of the job, then runtime_env_agent.log on the node that its driver ran on',
    },
  },
  async ({ ray, scratch, signal, expect }) => {
    const id = scratch.name('job', 'parts');
    const [logs, jobs] = await Promise.all([ray.jobs.logs(id, signal), ray.jobs.list(signal)]);
    expect(partOf(logs, 'environment'), 'what the job made of its variable').toBe(sha256(id));
    const listed = jobs.filter(({ submission_id }) => submission_id === id);
    expect(listed, 'the job in the list').toEqual([
      expect.objectContaining({ status: 'SUCCEEDED', metadata: { nonce: id } }),
    ]);
    return { listed: listed.length };
  },
);

check(
  'ray.job.distributed',
  {
    level: 'semantics',
    claim: 'Tasks of one job that are to spread run on every node that is alive and has a processor for them',
    needs: ['ray.job.round-trip'],
    otherwise: {
      class: 'not-redundant',
      remedy: 'look at the node without a task: its raylet.out, the ports of its workers, and whether they can start',
    },
  },
  async ({ ray, scratch, signal, expect, skip }) => {
    const [logs, nodes] = await Promise.all([ray.jobs.logs(scratch.name('job', 'parts'), signal), ray.nodes(signal)]);
    const able = nodes.filter(({ alive, cpus }) => alive && cpus > 0).map(({ id }) => id);
    if (able.length < 2) skip('nodes with a processor', able.length);
    const told = partOf(logs, 'spread');
    const [, sums, on = ''] = /^sums ([\d ]+) on ([0-9a-f ]+)$/.exec(told ?? '') ?? [];
    expect(sums, `what the tasks computed: ${told}`).toBe(String(sumOfSquares(SPREAD.tasks)));
    expect(on.split(' '), 'nodes that ran a task').toEqual([...able].sort());
    return { nodes: on.split(' ') };
  },
);

check(
  'ray.actor.restart',
  {
    level: 'availability',
    claim: 'An actor whose process dies is started anew, and answers the call that waited for it',
    needs: ['ray.job.round-trip'],
    otherwise: { class: 'crash', remedy: 'read the log of the job, then gcs_server.out and raylet.out of its node' },
  },
  async ({ ray, scratch, signal, fail }) => {
    const [logs, nodes] = await Promise.all([ray.jobs.logs(scratch.name('job', 'parts'), signal), ray.nodes(signal)]);
    const told = partOf(logs, 'actor');
    const lost = lostNode(told ?? '', nodes);
    if (lost)
      fail({
        subject: `node ${lost.address}`,
        cause: `the actor died again, with node ${lost.address}`,
        remedy: 'look into raylet.out of the node, and at the last state of its pod',
        evidence: told ?? '',
      });
    if (told !== 'restarted')
      fail({ cause: 'the actor was not started anew', evidence: told ?? 'the log says nothing of it' });
    return { actor: told };
  },
);

check(
  'ray.task.retry',
  {
    level: 'availability',
    claim: 'A task whose worker dies under it is run again, and its second attempt brings the result',
    needs: ['ray.job.round-trip'],
    otherwise: { class: 'crash', remedy: 'read the log of the job, then raylet.out of its node' },
  },
  async ({ ray, scratch, signal, expect }) => {
    const told = partOf(await ray.jobs.logs(scratch.name('job', 'parts'), signal), 'task');
    expect(told, 'what became of the task').toBe('came back at attempt 2');
    return { task: told };
  },
);

check(
  'ray.object.store',
  {
    level: 'durability',
    claim:
      'Two hundred megabytes of objects come back as they were put, also where the store has to spill them to disk',
    needs: ['ray.job.round-trip'],
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
    return { status: job.status };
  },
);

check(
  'ray.job.delete',
  {
    level: 'semantics',
    claim: 'A job that has ended goes when it is deleted, and stays away',
    needs: ['ray.job.failure-visible'],
    otherwise: { class: 'data-wrong', remedy: 'look into dashboard_agent.log of the head for what wrote the job anew' },
  },
  async ({ ray, scratch, signal, expect }) => {
    const id = scratch.name('job', 'fails');
    await ray.jobs.remove(id, signal);
    const left = (await ray.jobs.list(signal)).filter(({ submission_id }) => submission_id === id);
    expect(left, 'the deleted job in the list').toEqual([]);
    return { submissionId: id };
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

/** The node that took an actor with it, as the error says in words; undefined: none did. */
const lostNode = (told: string, nodes: readonly RayNode[]): RayNode | undefined =>
  told.includes('node has died') ? nodes.find(({ id }) => told.includes(id)) : undefined;

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
