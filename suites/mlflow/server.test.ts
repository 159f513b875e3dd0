import { randomBytes } from 'node:crypto';
import { suite } from '../../helpers/check/suite.ts';
import { namesOf, refusalOf, service, validatesHosts } from '../../helpers/connect/mlflow.ts';

const check = suite(service);

check(
  'mlflow.reach.health',
  {
    level: 'reach',
    claim: 'The server calls itself healthy, tells its version, and its API answers',
    otherwise: { class: 'unreachable', remedy: 'check the endpoint in the phase file' },
  },
  async ({ door }) => door.observed,
);

check(
  'mlflow.serve.api-host',
  {
    level: 'serve',
    claim: 'The API lists experiments under every name that clients call the server by',
    otherwise: {
      class: 'misconfigured',
      remedy: 'add the name with its port to --allowed-hosts (MLFLOW_SERVER_ALLOWED_HOSTS)',
    },
  },
  async ({ mlflow, component, signal }) => {
    const hosts = namesOf(component);
    const found = await Promise.all(hosts.map((host) => mlflow.experimentsSeenAs(host, signal)));
    return Object.fromEntries(hosts.map((host, at) => [host, found[at] ?? []]));
  },
);

check(
  'mlflow.security.host',
  {
    level: 'security',
    claim: "A call under a name that is not the server's, and one from a foreign web page, are refused",
    otherwise: {
      class: 'misconfigured',
      remedy: 'name the hosts and origins that are ours in --allowed-hosts and --cors-allowed-origins, without `*`',
    },
  },
  async ({ mlflow, door, signal, expect, skip }) => {
    if (!validatesHosts(door.version)) skip('MLflow version', door.version);
    const [byName, byPage] = await Promise.all([
      refusalOf(mlflow.experimentsSeenAs('rebound.invalid', signal)),
      refusalOf(mlflow.experimentsSeenFrom('https://page.invalid', signal)),
    ]);
    expect({ byName, byPage }, 'answers to strangers').toEqual({
      byName: expect.stringContaining('403 Invalid Host header'),
      byPage: expect.stringContaining('403 Cross-origin request blocked'),
    });
    return { byName, byPage };
  },
);

check(
  'mlflow.security.auth',
  {
    level: 'security',
    claim: 'Who gives no password, or another one, can not create an experiment',
    otherwise: {
      class: 'misconfigured',
      remedy: 'start the server with --app-name basic-auth, or let the proxy in front ask who is there',
    },
  },
  async ({ mlflow, component, signal, expect, skip }) => {
    if (component.credentials === null) skip('credentials in the phase file', null);
    const [nobody, another] = await Promise.all([
      refusalOf(mlflow.strangersExperiment(null, signal)),
      refusalOf(mlflow.strangersExperiment(randomBytes(18).toString('hex'), signal)),
    ]);
    expect({ nobody, another }, 'answers to strangers').toEqual({
      nobody: expect.stringMatching(/^401 /),
      another: expect.stringMatching(/^401 /),
    });
    return { nobody, another };
  },
);
