import { createHash, randomBytes } from 'node:crypto';
import { suite } from '../../helpers/check/suite.ts';
import { hasEnded, type RayJob, service } from '../../helpers/connect/ray.ts';
import { until } from '../../helpers/poll.ts';

const check = suite(service);

/** A job starts three Pythons one after the other (supervisor, driver, worker): 3 s at best, and minutes where nodes are added for it. */
const JOB_MS = 60_000;
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
    await ray.jobs.submit(id, entrypoint(nonce), signal);
    const seen = new Set<RayJob['status']>();
    const job = await until(
      async () => {
        const now = await ray.jobs.get(id, signal);
        seen.add(now.status);
        observe({ submissionId: id, statuses: [...seen] });
        return hasEnded(now) ? now : undefined;
      },
      signal,
      LOOK_MS,
    );
    const logs = await ray.jobs.logs(id, signal);
    if (job.status !== 'SUCCEEDED')
      fail({
        class: 'crash',
        cause: `the job ended as ${job.status}${job.error_type ? ` (${job.error_type})` : ''}`,
        remedy: 'read the evidence; a job without a runtime environment needs only `python` with Ray in the image',
        evidence: `${job.message}\n${logs.split('\n').slice(-8).join('\n')}`,
      });
    expect(job.driver_exit_code, 'exit code of the driver').toBe(0);
    const [, answer, node] = /^answer ([0-9a-f]+) on (\S+)$/m.exec(logs) ?? [];
    expect(answer, 'what the task computed, as the log has it').toBe(createHash('sha256').update(nonce).digest('hex'));
    await ray.jobs.remove(id, signal);
    return { status: job.status, exitCode: job.driver_exit_code ?? null, node: node ?? null };
  },
);
