import { randomBytes } from 'node:crypto';
import { BUDGETS } from '../../helpers/budgets.ts';
import { suite } from '../../helpers/check/suite.ts';
import { type Application, type RayClient, type RayNode, service } from '../../helpers/connect/ray.ts';
import { describe } from '../../helpers/diagnose/outcome.ts';
import { until } from '../../helpers/poll.ts';

const check = suite(service);

/** The control store counts a node as dead after five looks that nobody answers: 14 s as measured. */
const DEAD_WITHIN_MS = 20_000;
const LOOK_MS = 200;

/** The autoscaler tells of itself every few seconds. */
const STALE_S = 60;

check(
  'ray.reach.version',
  {
    level: 'reach',
    claim: 'The dashboard tells its version, and lets us in where it asks who we are',
    otherwise: { class: 'unreachable', remedy: 'check the endpoint in the phase file' },
  },
  async ({ door }) => door.observed,
);

check(
  'ray.serve.gcs',
  {
    level: 'serve',
    claim: 'The control store (GCS), which every actor, job and node depends on, is healthy',
    // The dashboard's own look at the store has a deadline, which a busy head missed once in three gates (503, Deadline Exceeded).
    attempts: 3,
    otherwise: { class: 'crash', remedy: 'look into gcs_server.out in the head pod' },
  },
  async ({ ray, signal, expect }) => {
    const answer = await ray.controlStore(signal);
    expect(answer, 'what the control store says of itself').toBe('success');
    return { controlStore: answer };
  },
);

check(
  'ray.nodes.alive',
  {
    level: 'availability',
    claim: 'As many nodes are alive as were promised, and together they offer the promised processors and GPUs',
    otherwise: {
      class: 'not-redundant',
      remedy:
        "look at the missing worker's pod; one that waits for the head can not reach its GCS (DNS, NetworkPolicy)",
    },
  },
  async ({ ray, component, signal, expect, fail, observe }) => {
    const all = await ray.nodes(signal);
    const alive = all.filter((node) => node.alive);
    const sum = (kind: 'cpus' | 'gpus'): number => alive.reduce((total, node) => total + node[kind], 0);
    observe({ alive: alive.map(({ id, address }) => ({ id, address })), cpus: sum('cpus'), gpus: sum('gpus') });
    expect(alive.filter(({ isHead }) => isHead).length, 'head nodes alive').toBe(1);
    const promised = component.target ?? 1;
    if (alive.length < promised) {
      const dead = all.filter((node) => !node.alive && !alive.some(({ address }) => address === node.address));
      const [only] = dead.length === 1 ? dead : [];
      fail({
        ...(only ? { subject: `node ${only.address}` } : {}),
        class: 'not-redundant',
        cause: `${alive.length} of ${promised} nodes are alive${only ? `: node ${only.address} is dead` : ''}`,
        remedy:
          "look at the missing worker's pod; one that waits for the head can not reach its GCS (DNS, NetworkPolicy)",
        evidence:
          dead.map(({ id, address, message }) => `${id} at ${address} is dead: ${message}`).join('; ') ||
          'no dead node is known',
      });
    }
    for (const kind of ['cpus', 'gpus'] as const) {
      const wanted = Number(component.settings[kind] ?? 0);
      if (sum(kind) < wanted)
        fail({
          class: 'not-redundant',
          cause: `the nodes offer ${sum(kind)} of ${wanted} promised ${kind}`,
          remedy:
            "compare the resources of the pods with rayStartParams (num-cpus, num-gpus) of the RayCluster's groups",
          evidence: alive.map((node) => `${node.id} at ${node.address}: ${node[kind]}`).join('; '),
        });
    }
    return { promised };
  },
);

check(
  'ray.agents.answer',
  {
    level: 'serve',
    claim: 'The dashboard agent of every node that is alive answers: it takes jobs, and gives logs and metrics',
    deadlineMs: DEAD_WITHIN_MS + BUDGETS.check,
    otherwise: {
      class: 'crash',
      remedy: 'look into dashboard_agent.log in the pod of the node; it dies of too little memory, the node lives on',
    },
  },
  async ({ ray, signal, expect, fail, observe }) => {
    const alive = (await ray.nodes(signal)).filter((node) => node.alive);
    expect(alive.length, 'nodes alive').toBeGreaterThan(0);
    const asked = await Promise.allSettled(alive.map(({ id }) => ray.agentLogs(id, signal)));
    const told = asked.map((each) => (each.status === 'fulfilled' ? each.value : describe(each.reason)));
    observe({ agents: Object.fromEntries(alive.map(({ id }, at) => [id, told[at] ?? []])) });
    const silent = alive.flatMap((node, at) =>
      told[at]?.includes('dashboard_agent.log') ? [] : [{ node, told: told[at] }],
    );
    const [first] = silent;
    if (first === undefined) return { nodes: alive.length };
    const subject = silent.length === 1 ? { subject: `node ${first.node.address}` } : {};
    const named = silent.map(({ node }) => `node ${node.address}`).join(', ');
    const dead = await deathsAmong(
      ray,
      silent.map(({ node }) => node.id),
      signal,
    );
    if (dead.length > 0)
      fail({
        ...subject,
        cause: `${named} has died during the run`,
        remedy:
          'look into raylet.out of the node, and at the last state of its pod: out of memory kills the raylet too',
        evidence: dead.map(({ id, message }) => `${id}: ${message}`).join('; '),
      });
    return fail({
      ...subject,
      cause: `the dashboard agent of ${named} does not answer`,
      evidence: silent.map(({ node, told }) => `${node.id}: ${JSON.stringify(told)}`).join('; '),
    });
  },
);

/** Those of the nodes that the control store counts as dead, now or as soon as it can know; none: they live on. */
async function deathsAmong(ray: RayClient, ids: readonly string[], signal: AbortSignal): Promise<RayNode[]> {
  const look = async (): Promise<RayNode[] | undefined> => {
    const dead = (await ray.nodes(signal)).filter(({ id, alive }) => !alive && ids.includes(id));
    return dead.length > 0 ? dead : undefined;
  };
  const budget = AbortSignal.timeout(DEAD_WITHIN_MS);
  try {
    return await until(look, AbortSignal.any([signal, budget]), LOOK_MS);
  } catch (error) {
    if (error !== budget.reason) throw error;
    return [];
  }
}

check(
  'ray.autoscaler.state',
  {
    level: 'availability',
    claim: 'The autoscaler has told of itself within the last minute, no error and no node that it could not start',
    otherwise: {
      class: 'crash',
      remedy: 'look into monitor.log in the head pod, or into the autoscaler container where KubeRay runs one',
    },
  },
  async ({ ray, signal, fail, skip, observe }) => {
    const { runs, error, age, failedNodes } = await ray.autoscaler(signal);
    if (!runs) skip('a report of an autoscaler', null);
    observe({ ageSeconds: age, failedNodes });
    if (error !== null) fail({ cause: 'the autoscaler tells of an error', evidence: error });
    if (age === null || age > STALE_S)
      fail({ cause: 'the autoscaler has stopped telling of itself', evidence: `its last report is ${age} s old` });
    if (failedNodes.length > 0)
      fail({
        class: 'unschedulable',
        cause: `the autoscaler could not start ${failedNodes.length} nodes, or lost them`,
        remedy: "look at the events of the worker group's pods, then at the quota of the namespace",
        evidence: failedNodes.join('; '),
      });
    return { error };
  },
);

check(
  'ray.serve.apps',
  {
    level: 'serve',
    claim: 'Every application of Ray Serve runs, and every deployment of it is healthy',
    otherwise: {
      class: 'crash',
      remedy:
        'read the message in the evidence: it holds the error of the import or of the constructor; then serve/*.log',
    },
  },
  async ({ ray, signal, fail, skip, observe }) => {
    const applications = await ray.applications(signal);
    if (applications === null) skip('Ray Serve is installed', false);
    const named = Object.entries(applications ?? {});
    if (named.length === 0) skip('applications of Ray Serve', 0);
    observe({ applications: Object.fromEntries(named.map(([name, { status }]) => [name, status])) });
    const sick = named.filter(
      ([, { status, deployments }]) =>
        status !== 'RUNNING' || Object.values(deployments).some((each) => each.status !== 'HEALTHY'),
    );
    const [first] = sick;
    if (first)
      fail({
        ...(sick.length === 1 ? { subject: `application ${first[0]}` } : {}),
        cause: `Ray Serve does not run ${sick.map(([name, { status }]) => `${name} (${status})`).join(', ')}`,
        evidence: sick
          .map(([name, { message, deployments }]) => `${name}: ${message ?? ''} ${worded(deployments)}`)
          .join('; '),
      });
    return { healthy: named.length };
  },
);

const worded = (deployments: Application['deployments']): string =>
  Object.entries(deployments)
    .map(([name, { status, message }]) => `${name} ${status} ${message ?? ''}`.trim())
    .join(', ');

check(
  'ray.security.token',
  {
    level: 'security',
    claim: 'Who has no token, or another one, can not submit a job, which is code that the cluster runs',
    otherwise: {
      class: 'misconfigured',
      remedy: 'set RAY_AUTH_MODE=token for the cluster, and let a NetworkPolicy keep others from the dashboard',
    },
  },
  async ({ ray, component, signal, expect, skip }) => {
    if (component.credentials === null) skip('credentials in the phase file', null);
    const [withoutToken, withAnother] = await Promise.all([
      ray.strangersJob(null, signal),
      ray.strangersJob(randomBytes(32).toString('hex'), signal),
    ]);
    expect({ withoutToken, withAnother }, 'status of the answers').toEqual({ withoutToken: 401, withAnother: 403 });
    return { withoutToken, withAnother };
  },
);
