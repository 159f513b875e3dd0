import { prove } from '../../helpers/check/proof.ts';
import { clusterSettings } from './faults.ts';
import './disruption.test.ts';

prove('elasticsearch.node.loss', {
  fault: 'an upgrade left the allocation of replicas switched off, so that there is one copy to lose',
  expect: 'misconfigured',
  from: 'body',
  break: clusterSettings({ 'cluster.routing.allocation.enable': 'primaries' }),
});
