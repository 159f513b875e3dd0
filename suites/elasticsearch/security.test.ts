import { suite } from '../../helpers/check/suite.ts';
import { SECURITY, service } from '../../helpers/connect/elasticsearch.ts';

const check = suite(service);

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

check(
  'elasticsearch.security.least-privilege',
  {
    level: 'security',
    claim: 'A key that may only read an index reads it, and is refused a write',
    // Should the sweep not come to it, the key ends by itself after ten minutes.
    writes: ['index', 'api-key'],
    otherwise: {
      class: 'misconfigured',
      remedy:
        'look for a proxy that logs in with a user of its own, and for roles that everybody has (GET _security/role_mapping)',
    },
  },
  async ({ elasticsearch, scratch, expect, skip, signal }) => {
    if (!(await elasticsearch.has(SECURITY, signal))) skip(`every node has ${SECURITY}`, false);
    const { api } = elasticsearch;
    const index = scratch.name('index', 'guarded');
    await elasticsearch.createIndex(index, { writer: { type: 'keyword' } }, signal);
    await api.index({ index, id: '1', document: { writer: 'owner' } }, { signal });
    const { encoded } = await api.security.createApiKey(
      {
        name: scratch.name('api-key', 'reader'),
        expiration: '10m',
        role_descriptors: { reader: { cluster: [], indices: [{ names: [index], privileges: ['read'] }] } },
      },
      { signal },
    );
    const asReader = { signal, headers: { authorization: `ApiKey ${encoded}` } };
    const { _source: read } = await api.get({ index, id: '1' }, asReader);
    expect(read, 'what the key reads').toEqual({ writer: 'owner' });
    const write = await api.index({ index, id: '1', document: { writer: 'reader' } }, asReader).then(
      ({ result }) => result,
      (error: unknown) => forbidden(error) ?? Promise.reject(error),
    );
    const { _source: after } = await api.get({ index, id: '1' }, { signal });
    expect({ write, after }, 'a write with the key').toEqual({
      write: 'security_exception',
      after: { writer: 'owner' },
    });
    return { read: true, write };
  },
);

/** The type of the error where it is a refusal for want of a privilege. */
function forbidden(error: unknown): string | null {
  const { statusCode, body } = error as { statusCode?: number; body?: { error?: { type?: string } } };
  return statusCode === 403 ? (body?.error?.type ?? '') : null;
}
