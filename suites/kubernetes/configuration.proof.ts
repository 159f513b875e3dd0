import { prove } from '../../helpers/check/proof.ts';
import { barePod, breaking, isRunning, ML } from './faults.ts';
import './configuration.test.ts';

prove('kubernetes.pod-security', {
  fault: 'a namespace lets a pod in that drops no capability',
  expect: 'misconfigured',
  subject: 'Pod ml-platform/loose',
  from: 'door',
  break: breaking(async (hands) => {
    await hands.merge(ML, { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } } });
    await hands.apply(barePod('ml-platform', 'loose', { securityContext: { allowPrivilegeEscalation: false } }));
    await hands.becomes(isRunning(hands, `${ML}/pods/loose`));
    return (again) => again.remove(`${ML}/pods/loose`);
  }),
});

prove('kubernetes.images.pinned', {
  fault: 'a pod names its image without a tag',
  expect: 'misconfigured',
  subject: 'image example.org/data/tool',
  from: 'door',
  break: breaking(async (hands) => {
    await hands.apply(barePod('ml-platform', 'untagged', { image: 'example.org/data/tool' }));
    return (again) => again.remove(`${ML}/pods/untagged`);
  }),
});

prove('kubernetes.images.pinned', {
  fault: 'a pod takes its image from a repository that is given up',
  expect: 'misconfigured',
  subject: 'image docker.io/bitnami/kafka:4.0.0-debian-12-r10',
  from: 'door',
  break: breaking(async (hands) => {
    await hands.apply(barePod('ml-platform', 'given-up', { image: 'docker.io/bitnami/kafka:4.0.0-debian-12-r10' }));
    return (again) => again.remove(`${ML}/pods/given-up`);
  }),
});

prove('kubernetes.pdb-probes-limits', {
  fault: 'the disruption budget of a quorum is gone',
  expect: 'misconfigured',
  subject: 'StatefulSet data-platform/store',
  from: 'door',
  break: breaking(async (hands) => {
    await hands.remove('/apis/policy/v1/namespaces/data-platform/poddisruptionbudgets/store');
    return undefined;
  }),
});

prove('kubernetes.pdb-probes-limits', {
  fault: 'a container has no readiness probe',
  expect: 'misconfigured',
  subject: 'Pod ml-platform/unprobed',
  from: 'door',
  break: breaking(async (hands) => {
    await hands.apply(barePod('ml-platform', 'unprobed', { readinessProbe: null }));
    return (again) => again.remove(`${ML}/pods/unprobed`);
  }),
});
