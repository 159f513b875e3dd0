import { randomBytes } from 'node:crypto';
import { suite } from '../../helpers/check/suite.ts';
import { service } from '../../helpers/connect/ray.ts';

const check = suite(service);

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
      const dead = all.filter((node) => !node.alive);
      fail({
        class: 'not-redundant',
        cause: `${alive.length} of ${promised} nodes are alive`,
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
    otherwise: {
      class: 'crash',
      remedy: 'look into dashboard_agent.log in the pod of the node; it dies of too little memory, the node lives on',
    },
  },
  async ({ ray, signal, expect, observe }) => {
    const alive = (await ray.nodes(signal)).filter((node) => node.alive);
    const answers = await Promise.all(alive.map(async ({ id }) => [id, await ray.agentLogs(id, signal)] as const));
    observe({ agents: Object.fromEntries(answers) });
    expect(answers.length, 'nodes alive').toBeGreaterThan(0);
    for (const [id, files] of answers)
      expect(files, `what the agent of node ${id} lists`).toContain('dashboard_agent.log');
    return { nodes: answers.length };
  },
);

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
