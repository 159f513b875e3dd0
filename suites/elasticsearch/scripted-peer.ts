import type { ScriptedAnswer, ScriptedRequest } from '../../fixtures/faults/scripted-peer.ts';
import type { ScriptedPeer } from '../../helpers/check/proof.ts';

/*
 * What the build from the package registry lacks, answered by a script of ours before the real node. It rests on the documentation alone:
 * what it proves is that the checks can fail, not that a cluster with x-pack answers so.
 */

const USER = 'assay';
const PASSWORD = 'scripted-password';
export const LOGIN = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;

const json = (body: object, status = 200): ScriptedAnswer => ({
  status,
  headers: { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' },
  body: JSON.stringify(body),
});

/** `GET _nodes/plugins` of a distribution names these among the modules of every node. */
async function withModules(
  names: readonly string[],
  { method, path, body }: ScriptedRequest,
  pass: (request: { method: string; path: string; body: string }) => Promise<ScriptedAnswer>,
): Promise<ScriptedAnswer> {
  const real = await pass({ method, path, body });
  const answer = JSON.parse(real.body) as { nodes: Record<string, { modules: { name: string }[] }> };
  for (const node of Object.values(answer.nodes)) node.modules.push(...names.map((name) => ({ name })));
  return { ...real, body: JSON.stringify(answer) };
}

const asIs: Pick<ScriptedPeer, 'declare' | 'password'> = { declare: (component) => component, password: null };

const KEY = 'scripted-key';

const refused = (status: number, reason: string): ScriptedAnswer => {
  const error = { type: 'security_exception', reason };
  return json({ error: { root_cause: [error], ...error }, status }, status);
};

/**
 * One user, and one key that may only read.
 * Source: the reference, "Security settings" and "Create API key API", and what 8.x answers to a missing and to a wrong login.
 */
export const withSecurity: ScriptedPeer = {
  declare: (component) => ({
    ...component,
    credentials: { user: USER, password: { env: 'SCRIPTED_PASSWORD' } },
  }),
  password: PASSWORD,
  async script(request, pass) {
    const { authorization } = request.headers;
    const what = `for REST request [${request.path}]`;
    if (authorization === undefined) return refused(401, `missing authentication credentials ${what}`);
    if (authorization === `ApiKey ${KEY}`)
      return request.method === 'GET' ? undefined : refused(403, 'action [indices:data/write/index] is unauthorized');
    if (authorization !== LOGIN) return refused(401, `unable to authenticate user [${USER}] ${what}`);
    if (request.path === '/_security/api_key') return json({ id: 'id', name: 'reader', api_key: 'k', encoded: KEY });
    return request.path === '/_nodes/plugins' ? withModules(['x-pack-security'], request, pass) : undefined;
  },
};

/** Source: the reference, "Deprecation info API". */
export const withDeprecations: ScriptedPeer = {
  ...asIs,
  async script(request, pass) {
    if (request.path === '/_nodes/plugins') return withModules(['x-pack-deprecation'], request, pass);
    if (request.path !== '/_migration/deprecations') return undefined;
    const warning = { level: 'warning', message: 'a setting is old', url: 'https://www.elastic.co/', details: '' };
    return json({
      cluster_settings: [],
      node_settings: [warning],
      index_settings: { orders: [{ ...warning, message: 'an index is old' }] },
      ml_settings: [],
      data_streams: {},
      templates: {},
      ilm_policies: {},
    });
  },
};

/** Runs the one script that the check sends, one update after the other, on the document of the real node. */
export const withPainless: ScriptedPeer = {
  ...asIs,
  script: (() => {
    let last: Promise<unknown> = Promise.resolve();
    return async (request, pass) => {
      if (request.path === '/_nodes/plugins') return withModules(['lang-painless'], request, pass);
      const [, index, id] = /^\/([^/]+)\/_update\/([^/]+)$/.exec(request.path) ?? [];
      if (index === undefined) return undefined;
      const { script } = JSON.parse(request.body) as { script: { params: { by: number } } };
      const path = `/${index}/_doc/${id}`;
      const update = async (): Promise<ScriptedAnswer> => {
        const { _source: source } = JSON.parse((await pass({ method: 'GET', path, body: '' })).body);
        const written = JSON.stringify({ total: source.total + script.params.by });
        return pass({ method: 'PUT', path, body: written });
      };
      const turn = last.then(update);
      last = turn.catch(() => undefined);
      return turn;
    };
  })(),
};
