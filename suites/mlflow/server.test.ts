import { suite } from '../../helpers/check/suite.ts';
import { namesOf, refusalOf, service } from '../../helpers/connect/mlflow.ts';

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
    const [major = 0, minor = 0] = (door.version ?? '').split('.').map(Number);
    // Validated since 3.5. Source: mlflow.org, "Network security".
    if (major < 3 || (major === 3 && minor < 5)) skip('MLflow version', door.version);
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
