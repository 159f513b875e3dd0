// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how phase files name variables
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Phase } from '../../reports/model.ts';
import type { Service } from '../service.ts';
import { formatPhaseError } from './errors.ts';
import { loadPhase, type PhaseContext } from './load.ts';
import { CONTEXT, errorsOf, HEAD, loadText, temporaryFolder } from './phase-testing.ts';

const folder = temporaryFolder();

async function phase(text: string, over: Partial<PhaseContext> = {}): Promise<Phase> {
  const loaded = await loadText(folder(), HEAD + text, over);
  if (!loaded.ok) throw new Error(loaded.errors.map(formatPhaseError).join('\n'));
  return loaded.phase;
}

const KAFKA = 'components:\n  kafka: { endpoint: k }\n';

describe('where the pods of a component are', () => {
  test('is its own namespace before that of the phase, and takes the cluster that kubectl takes', async () => {
    const of = async (text: string) => {
      const { cluster, components } = await phase(text);
      return { cluster, workload: components[0]?.workload };
    };
    const cluster = { kubeconfig: null, context: null, uid: null };
    expect(await of(KAFKA)).toEqual({ cluster: undefined, workload: undefined });
    expect(await of(`namespace: data\n${KAFKA}`)).toEqual({
      cluster,
      workload: { namespace: 'data', service: null, selector: null },
    });
    const own = 'namespace: log, service: kafka, selector: { app: log }';
    expect(await of(`namespace: data\ncomponents:\n  kafka: { endpoint: k, ${own} }\n`)).toEqual({
      cluster,
      workload: { namespace: 'log', service: 'kafka', selector: { app: 'log' } },
    });
  });

  test('can not be told by a Service or labels alone', async () => {
    expect(await errorsOf(folder(), 'components:\n  kafka: { endpoint: k, service: kafka }\n')).toBe(
      'phase.yaml:6:25  components.kafka.service: is given without a namespace. Mend: give `namespace` beside it, or to the whole phase',
    );
  });
});

describe('a sound file', () => {
  test('gets every default', async () => {
    const { file, sha256, ...rest } = await phase(KAFKA);
    expect(file).toBe(join(folder(), 'phase.yaml'));
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(rest).toMatchInlineSnapshot(`
      {
        "before": null,
        "components": [
          {
            "credentials": null,
            "endpoints": {
              "bootstrap": [
                "k:9092",
              ],
            },
            "id": "kafka",
            "needs": [],
            "owner": null,
            "required": true,
            "runbook": null,
            "settings": {},
            "stance": "real",
            "target": null,
            "title": "Apache Kafka",
            "tls": null,
            "type": "kafka",
            "unit": "brokers",
            "weight": 14,
          },
        ],
        "environment": null,
        "gate": {
          "coverage": 90,
          "flaky": null,
          "health": null,
          "noRegression": true,
          "requiredLevels": [
            "reach",
            "serve",
            "round-trip",
          ],
          "score": 90,
        },
        "goals": {},
        "id": "p",
        "local": false,
        "name": "P",
        "notes": null,
        "schemaVersion": 1,
        "stages": {},
        "starts": null,
        "target": {
          "name": "t",
          "path": "direct",
          "revision": null,
        },
        "waivers": [],
        "writes": false,
      }
    `);
  });

  test('sums the sizes of roles that are counted apart', async () => {
    const { components } = await phase(
      'components:\n  datahub: { endpoint: g, needs: [], pods: { gms: 1, frontend: 3 } }\n',
    );
    expect(components[0]).toMatchObject({ target: 4, roles: { gms: 1, frontend: 3 }, unit: 'pods' });
  });

  test('keeps what it says', async () => {
    await writeFile(join(folder(), 'ca.pem'), 'PEM');
    await writeFile(join(folder(), 'password'), 'from file\n');
    const loaded = await loadText(
      folder(),
      `${HEAD}allow: [write]
components:
  events:
    type: kafka
    title: Event bus
    brokers: 3
    endpoint: k-0, k-1:9093, [::1]:9094
    tls: true
    credentials: { user: u, password: { env: KAFKA_PASSWORD }, mechanism: PLAIN }
    weight: 0
  neo4j:
    pods: 1
    endpoints: { bolt: neo4j, http: [http://neo4j:7474/db] }
    tls: { ca: ca.pem, servername: graph }
    credentials: { user: neo4j, password: { file: password } }
    database: movies
    required: false
    needs: []
  datahub: { endpoint: gms, owner: team-a, runbook: wiki }
gate: { score: 80, health: 90.5, requiredLevels: [reach] }
goals: { Data: [events, neo4j] }
waivers:
  - { checks: kafka.*, reason: r, owner: o, expires: 2026-03-01, covers: [datahub] }
notes: by hand
`,
      { env: { KAFKA_PASSWORD: 'from env' } },
    );
    if (!loaded.ok) throw new Error(loaded.errors.map(formatPhaseError).join('\n'));
    expect([...loaded.secrets]).toEqual([
      ['events', { password: 'from env' }],
      ['neo4j', { password: 'from file' }],
    ]);
    expect(loaded.warnings).toEqual([]);
    const { file, sha256, ...rest } = loaded.phase;
    expect(JSON.parse(JSON.stringify(rest).replaceAll(folder(), ''))).toMatchInlineSnapshot(`
      {
        "before": null,
        "components": [
          {
            "credentials": {
              "mechanism": "PLAIN",
              "password": {
                "env": "KAFKA_PASSWORD",
              },
              "user": "u",
            },
            "endpoints": {
              "bootstrap": [
                "k-0:9092",
                "k-1:9093",
                "[::1]:9094",
              ],
            },
            "id": "events",
            "needs": [],
            "owner": null,
            "required": true,
            "runbook": null,
            "settings": {},
            "stance": "real",
            "target": 3,
            "title": "Event bus",
            "tls": {},
            "type": "kafka",
            "unit": "brokers",
            "weight": 0,
          },
          {
            "credentials": {
              "password": {
                "file": "/password",
              },
              "user": "neo4j",
            },
            "endpoints": {
              "bolt": [
                "neo4j:7687",
              ],
              "http": [
                "http://neo4j:7474/db",
              ],
            },
            "id": "neo4j",
            "needs": [],
            "owner": null,
            "required": false,
            "runbook": null,
            "settings": {
              "database": "movies",
            },
            "stance": "real",
            "target": 1,
            "title": "Neo4j",
            "tls": {
              "ca": "/ca.pem",
              "servername": "graph",
            },
            "type": "neo4j",
            "unit": "pods",
            "weight": 10,
          },
          {
            "credentials": null,
            "endpoints": {
              "gms": [
                "gms:8080",
              ],
            },
            "id": "datahub",
            "needs": [
              "events",
              "neo4j",
            ],
            "owner": "team-a",
            "required": true,
            "runbook": "wiki",
            "settings": {},
            "stance": "real",
            "target": null,
            "title": "datahub",
            "tls": null,
            "type": "datahub",
            "unit": "pods",
            "weight": 10,
          },
        ],
        "environment": null,
        "gate": {
          "coverage": 90,
          "flaky": null,
          "health": 90.5,
          "noRegression": true,
          "requiredLevels": [
            "reach",
          ],
          "score": 80,
        },
        "goals": {
          "Data": [
            "events",
            "neo4j",
          ],
        },
        "id": "p",
        "local": false,
        "name": "P",
        "notes": "by hand",
        "schemaVersion": 1,
        "stages": {},
        "starts": null,
        "target": {
          "name": "t",
          "path": "direct",
          "revision": null,
        },
        "waivers": [
          {
            "approver": null,
            "checks": "kafka.*",
            "covers": [
              "datahub",
            ],
            "expires": "2026-03-01",
            "owner": "o",
            "reason": "r",
          },
        ],
        "writes": true,
      }
    `);
    expect(JSON.stringify(loaded.phase)).not.toContain('from ');
  });

  test('goes ahead with an expired waiver, and says so', async () => {
    const loaded = await loadText(
      folder(),
      `${HEAD}${KAFKA}waivers:\n  - { checks: kafka.*, reason: r, owner: o, expires: 2026-02-28 }\n`,
    );
    expect(loaded.ok && loaded.warnings.map((line) => line.replace(`${folder()}/`, ''))).toMatchInlineSnapshot(`
      [
        "phase.yaml:8:54  waivers[0].expires: the waiver for kafka.* expired, so the gate can not pass. Mend: mend what it waives, or have its approver agree to a later date",
      ]
    `);
  });

  test.each([
    ['2026-03-01', []],
    ['2026-03-01T11:59:59Z', ['expired']],
    ['2026-03-01T12:59:59+01:00', ['expired']],
    ['2026-03-01T12:00:01Z', []],
  ])('a waiver to %s', async (expires, expected) => {
    const loaded = await loadText(
      folder(),
      `${HEAD}${KAFKA}waivers:\n  - { checks: kafka.*, reason: r, owner: o, expires: '${expires}' }\n`,
    );
    expect(loaded.ok && loaded.warnings.map((line) => /expired/.exec(line)?.[0])).toEqual(expected);
  });
});

describe('variables', () => {
  test.each([
    ['${A}', 'one'],
    ['x ${A}-${B} y', 'x one-two y'],
    ['${NONE:-dflt}', 'dflt'],
    ['${EMPTY:-dflt}', 'dflt'],
    ['${A:-dflt}', 'one'],
    ['${NONE:-}x', 'x'],
    ['$${A}', '${A}'],
    ['$A $', '$A $'],
    ['${NUMBER}', '3'],
    ['${NESTED}', '${A}'],
  ])('%s', async (text, expected) => {
    const env = { A: 'one', B: 'two', EMPTY: '', NUMBER: '3', NESTED: '${A}' };
    expect((await phase(`${KAFKA}notes: '${text}'\n`, { env })).notes).toBe(expected);
  });
});

describe('an endpoint that is optional', () => {
  const kafka = CONTEXT.services.get('kafka') as Service;
  const optional = { port: 9093, about: 'the TLS listener', optional: true } as const;
  const services = new Map([['kafka', { ...kafka, endpoints: { ...kafka.endpoints, tls: optional } }]]);
  const endpointsOf = async (text: string) => (await phase(text, { services })).components[0]?.endpoints;

  test('may be left out, and leaves the short form to the one that is needed', async () => {
    expect(await endpointsOf('components:\n  kafka: { endpoint: k }')).toEqual({ bootstrap: ['k:9092'] });
    expect(await endpointsOf('components:\n  kafka: { endpoints: { bootstrap: k } }')).toEqual({
      bootstrap: ['k:9092'],
    });
  });

  test('has its own usual port', async () => {
    expect(await endpointsOf('components:\n  kafka: { endpoints: { bootstrap: k, tls: k } }')).toEqual({
      bootstrap: ['k:9092'],
      tls: ['k:9093'],
    });
  });

  test('does not stand for the one that is needed', async () => {
    expect(
      await errorsOf(folder(), 'components:\n  kafka: { endpoints: { tls: k } }', { services }),
    ).toMatchInlineSnapshot(
      `"phase.yaml:6:12  components.kafka.endpoints.bootstrap: is missing. Mend: give bootstrap: bootstrap servers"`,
    );
  });
});

describe('environments', () => {
  const TEXT = `components:
  kafka: { brokers: 1, endpoint: [a, b] }
environments:
  prod:
    target: { revision: r1 }
    components:
      kafka: { brokers: 3, endpoint: [c] }
      neo4j: { endpoints: { bolt: n, http: 'n:1' } }
  broken:
    components:
      kafka: { brokers: many, replicas: 3 }
`;
  test('none is the file as written', async () => {
    const { components, environment } = await phase(TEXT);
    expect(environment).toBeNull();
    expect(components.map(({ id, target }) => [id, target])).toEqual([['kafka', 1]]);
  });

  test('maps are merged, lists are replaced', async () => {
    const { components, target, environment } = await phase(TEXT, { environment: 'prod' });
    expect(environment).toBe('prod');
    expect(target).toEqual({ name: 't', path: 'direct', revision: 'r1' });
    expect(components.map(({ id, target, endpoints }) => [id, target, endpoints])).toEqual([
      ['kafka', 3, { bootstrap: ['c:9092'] }],
      ['neo4j', null, { bolt: ['n:7687'], http: ['n:1'] }],
    ]);
  });

  test('an error stands on the line of the overlay', async () => {
    expect(await errorsOf(folder(), TEXT, { environment: 'broken' })).toMatchInlineSnapshot(`
      "phase.yaml:15:25  components.kafka.brokers: must be a number, is text. Mend: give brokers: how many brokers are promised, as a number: quotes and \${…} make text
      phase.yaml:15:31  components.kafka.replicas: is not a field of components.kafka. Mend: known fields: type, title, required, weight, needs, owner, runbook, stance, tls, credentials, namespace, service, selector, brokers, endpoint, endpoints"
    `);
  });

  test('an unknown one', async () => {
    expect(await errorsOf(folder(), TEXT, { environment: 'prd' })).toMatchInlineSnapshot(
      `"phase.yaml:7:1  environments: environment prd is not declared. Mend: did you mean prod?"`,
    );
    expect(await errorsOf(folder(), TEXT, { environment: 'elsewhere' })).toMatchInlineSnapshot(
      `"phase.yaml:7:1  environments: environment elsewhere is not declared. Mend: declared environments: prod, broken"`,
    );
    expect(await errorsOf(folder(), KAFKA, { environment: 'prod' })).toMatchInlineSnapshot(
      `"phase.yaml:1:1  environments: environment prod is not declared. Mend: leave --env out, or add \`environments\` to the file"`,
    );
    expect(await errorsOf(folder(), `${KAFKA}environments: [prod]\n`)).toMatchInlineSnapshot(
      `"phase.yaml:7:1  environments: must be a map. Mend: write a map from the name of each environment to what differs there"`,
    );
    expect(await errorsOf(folder(), `${KAFKA}environments: { prod: 3 }\n`)).toMatchInlineSnapshot(
      `"phase.yaml:7:17  environments.prod: must be a map. Mend: write the fields that differ in this environment, in the shape of the phase"`,
    );
  });
});

describe('a service that the local platform could not start', () => {
  const COMPONENTS = `components:
  kafka:
    endpoint: 127.0.0.1:1
    tls: { ca: not-started }
    credentials: { user: not-started, password: { env: K } }
  neo4j:
    endpoints: { bolt: 127.0.0.1:1, http: 127.0.0.1:1 }
    credentials: { user: not-started, password: { env: N } }
`;
  const env = { K: '', N: '' };

  test('needs no address, password or certificate of its own', async () => {
    const loaded = await loadText(folder(), `${HEAD}local: true\n${COMPONENTS}`, { env });
    expect(loaded.ok && loaded.phase.components.map(({ endpoints }) => endpoints)).toEqual([
      { bootstrap: ['127.0.0.1:1'] },
      { bolt: ['127.0.0.1:1'], http: ['127.0.0.1:1'] },
    ]);
    expect(loaded.ok && [...loaded.secrets]).toEqual([]);
  });

  test('is a flaw in the phase of any other platform', async () => {
    expect(await errorsOf(folder(), COMPONENTS, { env })).toMatchInlineSnapshot(`
      "phase.yaml:8:16  components.kafka.tls.ca: not-started can not be read (ENOENT). Mend: put the PEM file of the authority there
      phase.yaml:9:56  components.kafka.credentials.password.env: environment variable K is empty. Mend: set K to the secret
      phase.yaml:11:24  components.neo4j.endpoints.bolt: is the endpoint of kafka too. Mend: give neo4j its own; one of the two is a copy
      phase.yaml:11:43  components.neo4j.endpoints.http: is the endpoint of kafka too. Mend: give neo4j its own; one of the two is a copy
      phase.yaml:12:56  components.neo4j.credentials.password.env: environment variable N is empty. Mend: set N to the secret"
    `);
  });

  test('excuses no service that was started', async () => {
    const started = COMPONENTS.replaceAll('127.0.0.1:1', '127.0.0.1:9092');
    const errors = await errorsOf(folder(), `local: true\n${started}`, { env });
    expect(errors.split('\n').map((line) => line.replace(/^\S+ +(\S+): .*/, '$1'))).toMatchInlineSnapshot(`
      [
        "components.kafka.tls.ca",
        "components.kafka.credentials.password.env",
        "components.neo4j.endpoints.bolt",
        "components.neo4j.endpoints.http",
        "components.neo4j.credentials.password.env",
      ]
    `);
  });
});

describe('the fingerprint', () => {
  const of = async (text: string, over?: Partial<PhaseContext>): Promise<string> => (await phase(text, over)).sha256;

  test('depends on the promise, not on comments, order of keys or the place of the file', async () => {
    const first = await of('components:\n  kafka: { endpoint: k, weight: 5 }\n');
    expect(await of('# a comment\ncomponents:\n  kafka: { weight: 5, endpoint: "k:9092" }\n')).toBe(first);
    expect(await of('components:\n  kafka: { endpoint: k, weight: 6 }\n')).not.toBe(first);
    expect(await of('components:\n  kafka: { endpoint: "${K}", weight: 5 }\n', { env: { K: 'k' } })).toBe(first);
    expect(await of('components:\n  kafka: { endpoint: "${K}", weight: 5 }\n', { env: { K: 'j' } })).not.toBe(first);
  });

  test('of the local platform is the same on every start', async () => {
    const text = 'local: true\ncomponents:\n  kafka: { endpoint: "${K}" }\n';
    expect(await of(text, { env: { K: 'k:1' } })).toBe(await of(text, { env: { K: 'k:2' } }));
    expect(await of(text, { env: { K: 'k' } })).not.toBe(await of(`${text}notes: n\n`, { env: { K: 'k' } }));
  });

  test('sees paths from the folder of the file', async () => {
    const text = `${HEAD}components:\n  kafka: { endpoint: k, tls: { ca: ca.pem } }\n`;
    const elsewhere = await mkdtemp(join(tmpdir(), 'phase-'));
    for (const each of [folder(), elsewhere]) await writeFile(join(each, 'ca.pem'), 'PEM');
    await writeFile(join(elsewhere, 'phase.yaml'), text);
    const moved = await loadPhase(join(elsewhere, 'phase.yaml'), CONTEXT);
    await rm(elsewhere, { recursive: true });
    expect(moved.ok && moved.phase.sha256).toBe(await of(text.slice(HEAD.length)));
  });
});
