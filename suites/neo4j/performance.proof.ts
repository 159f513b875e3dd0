import { type Fault, prove } from '../../helpers/check/proof.ts';
import './performance.test.ts';

/** Answers are late by more than the limit that the phase file then has. */
const late: Pick<Fault, 'fault' | 'from' | 'declare' | 'break'> = {
  fault: 'every answer comes 30 ms late, where 20 are the limit',
  from: 'door',
  declare: (component) => {
    const objective = { target: 10, limit: 20 };
    return {
      ...component,
      settings: { ...component.settings, objectives: { readP99: objective, commitP99: objective } },
    };
  },
  break: async ({ proxies }) => proxies[0]?.delay(30),
};

prove('neo4j.perf.read-p99', { ...late, expect: 'slow' });

prove('neo4j.perf.commit-p99', { ...late, expect: 'slow' });
