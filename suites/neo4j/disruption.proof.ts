import { MESSAGE, replaceMessage } from '../../fixtures/faults/bolt-frames.ts';
import { prove } from '../../helpers/check/proof.ts';
import './disruption.test.ts';

prove('neo4j.durability.restart', {
  fault: 'commits are acknowledged and not kept',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.rewrite(replaceMessage(MESSAGE.commit, MESSAGE.rollback)),
});
