import { suite } from '../../helpers/check/suite.ts';
import { namesOf, service } from '../../helpers/connect/mlflow.ts';

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
