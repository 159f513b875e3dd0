import { suite } from '../../helpers/check/suite.ts';
import { service } from '../../helpers/connect/elasticsearch.ts';

const check = suite(service);

const SECURITY = 'x-pack-security';

check(
  'elasticsearch.security.negative',
  {
    level: 'security',
    claim: 'The cluster turns away who gives a wrong password, and who gives none',
    otherwise: {
      class: 'misconfigured',
      remedy: 'set xpack.security.enabled: true (the default since 8.0); until then waive this check with an owner',
    },
  },
  async ({ elasticsearch, component, fail, expect, skip, signal }) => {
    if (!(await elasticsearch.has(SECURITY, signal))) skip(`every node has ${SECURITY}`, false);
    const impostor = { user: component.credentials?.user ?? 'elastic', password: 'assay-wrong-password' };
    const [nobody, wrong] = await Promise.all([
      elasticsearch.refusal(null, signal),
      elasticsearch.refusal(impostor, signal),
    ]);
    if (nobody === null)
      fail({
        cause: 'the cluster answers who does not say who they are',
        evidence: 'GET _cluster/health without a login: 200',
      });
    const refused = { status: 401, type: 'security_exception' };
    expect({ nobody, wrong }, 'how strangers are refused').toEqual({ nobody: refused, wrong: refused });
    return { nobody: '401 security_exception', wrongPassword: '401 security_exception' };
  },
);
