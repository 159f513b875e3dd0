// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how phase files name variables
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadPhase } from './load.ts';
import { CONTEXT, errorsOf, loadText, temporaryFolder } from './phase-testing.ts';

const folder = temporaryFolder();

/** Each text comes after HEAD and so begins on line 5. */
const BAD: [name: string, text: string, env: Readonly<Record<string, string>>, expected: string][] = [
  [
    'a line that is not YAML',
    `
components:
  kafka: { endpoint: k`,
    {},
    `
phase.yaml:6:23  (file): is not readable as YAML (Flow map in block collection must be sufficiently indented and end with a }). Mend: look at the indentation, quotes and brackets on this line and the one above`,
  ],
  [
    'YAML errors quote nothing of the text',
    `
components:
  kafka: { endpoint: k, credentials: { user: u, password: @hunter22 } }`,
    {},
    `
phase.yaml:6:59  (file): is not readable as YAML (Plain value cannot start with reserved character @). Mend: look at the indentation, quotes and brackets on this line and the one above`,
  ],
  [
    'an indentation that does not fit',
    `
components:
  kafka:
    endpoint: k
   brokers: 3`,
    {},
    `
phase.yaml:8:1  (file): is not readable as YAML (All mapping items must start at the same column). Mend: look at the indentation, quotes and brackets on this line and the one above`,
  ],
  [
    'an unknown tag',
    `
components:
  kafka: { endpoint: k }
notes: !secret x`,
    {},
    `
phase.yaml:7:8  (file): has a YAML tag or directive that means nothing here. Mend: take it out, or put quotes around the text`,
  ],
  [
    'an alias',
    `
components:
  kafka: { endpoint: k }
notes: &a x
goals: *a`,
    {},
    `
phase.yaml:8:8  goals: is an alias. Mend: write the value out`,
  ],
  [
    'two documents',
    `
components:
  kafka: { endpoint: k }
---
id: b`,
    {},
    `
phase.yaml:7:1  (file): is not readable as YAML (Source contains multiple documents). Mend: look at the indentation, quotes and brackets on this line and the one above`,
  ],
  [
    'a key given twice',
    `
components:
  kafka: { endpoint: k }
  kafka: { endpoint: l }`,
    {},
    `
phase.yaml:7:3  components.kafka: is given twice, first on line 6. Mend: keep one of the two`,
  ],
  [
    'a wrong type',
    `
components:
  kafka: { endpoint: k }
gate: { score: high }`,
    {},
    `
phase.yaml:7:16  gate.score: must be a number, is text. Mend: give score: the least score that passes, 0 to 100, as a number: quotes and \${…} make text`,
  ],
  [
    'a number where text is wanted',
    `
components:
  kafka: { endpoint: k }
notes: 3`,
    {},
    `
phase.yaml:7:8  notes: must be text, is a number. Mend: give notes: text that is shown as written by hand and never scored`,
  ],
  [
    'a value out of range',
    `
components:
  kafka: { endpoint: k }
gate: { score: 101, coverage: -1 }`,
    {},
    `
phase.yaml:7:16  gate.score: must be at most 100. Mend: give score: the least score that passes, 0 to 100
phase.yaml:7:31  gate.coverage: must be at least 0. Mend: give coverage: the least coverage that passes, 0 to 100`,
  ],
  [
    'an unknown level',
    `
components:
  kafka: { endpoint: k }
gate: { requiredLevels: [reech, serve] }`,
    {},
    `
phase.yaml:7:26  gate.requiredLevels[0]: must be one of reach, serve, round-trip, semantics, durability, availability, security, performance, hygiene. Mend: did you mean reach?`,
  ],
  [
    'an unknown permission',
    `
components:
  kafka: { endpoint: k }
allow: [write, delete]`,
    {},
    `
phase.yaml:7:16  allow[1]: must be write. Mend: give allow: [write] to let checks create scratch objects of ours and remove them`,
  ],
  [
    'an unknown field of the phase',
    `
components:
  kafka: { endpoint: k }
waiver: []`,
    {},
    `
phase.yaml:7:1  waiver: is not a field of a phase. Mend: did you mean waivers?`,
  ],
  [
    'an unknown field, unlike any other',
    `
components:
  kafka: { endpoint: k }
gate: { zzzzzz: 1 }`,
    {},
    `
phase.yaml:7:9  gate.zzzzzz: is not a field of gate. Mend: known fields: score, coverage, health, requiredLevels, flaky, noRegression`,
  ],
  [
    'an unknown field of a component',
    `
components:
  kafka:
    endpoint: k
    wieght: 3`,
    {},
    `
phase.yaml:8:5  components.kafka.wieght: is not a field of components.kafka. Mend: did you mean weight?`,
  ],
  [
    'another size than the type has',
    `
components:
  kafka: { endpoint: k, pods: 3 }`,
    {},
    `
phase.yaml:6:25  components.kafka.pods: is not the unit of Apache Kafka. Mend: write brokers: N`,
  ],
  [
    'one size for a type that counts its roles apart',
    `
components:
  datahub: { endpoint: g, needs: [], pods: 4 }`,
    {},
    `
phase.yaml:6:44  components.datahub.pods: must be a map, is a number. Mend: give pods: { gms: N, frontend: N }, how many pods of each role are promised`,
  ],
  [
    'a role without a size, one of none, and one that the type does not have',
    `
components:
  datahub: { endpoint: g, needs: [], pods: { gms: 0, backend: 1 } }`,
    {},
    `
phase.yaml:6:38  components.datahub.pods.frontend: is missing. Mend: give frontend: how many of role frontend are promised
phase.yaml:6:51  components.datahub.pods.gms: must be at least 1. Mend: give gms: how many of role gms are promised
phase.yaml:6:54  components.datahub.pods.backend: is not a field of components.datahub.pods. Mend: known fields: gms, frontend`,
  ],
  [
    'another size than a type with roles has',
    `
components:
  datahub: { endpoint: g, needs: [], brokers: 4 }`,
    {},
    `
phase.yaml:6:38  components.datahub.brokers: is not the unit of datahub. Mend: write pods: { gms: N, frontend: N }`,
  ],
  [
    'a size that is not whole',
    `
components:
  kafka: { endpoint: k, brokers: 1.5 }`,
    {},
    `
phase.yaml:6:34  components.kafka.brokers: must be a whole number. Mend: give brokers: how many brokers are promised`,
  ],
  [
    'a size of none',
    `
components:
  kafka: { endpoint: k, brokers: 0 }`,
    {},
    `
phase.yaml:6:34  components.kafka.brokers: must be at least 1. Mend: give brokers: how many brokers are promised`,
  ],
  [
    'a size from a variable',
    `
components:
  kafka: { endpoint: k, brokers: "\${N}" }`,
    { N: '3' },
    `
phase.yaml:6:34  components.kafka.brokers: must be a number, is text. Mend: give brokers: how many brokers are promised, as a number: quotes and \${…} make text`,
  ],
  [
    'a setting of the wrong type',
    `
components:
  neo4j: { endpoints: { bolt: n, http: 'n:1' }, database: 3 }`,
    {},
    `
phase.yaml:6:59  components.neo4j.database: must be text, is a number. Mend: give database: the database that is used`,
  ],
  [
    'no components',
    `
components: {}`,
    {},
    `
phase.yaml:5:1  components: promises nothing. Mend: declare at least one of kafka, neo4j, datahub`,
  ],
  [
    'components left out',
    `
notes: x`,
    {},
    `
phase.yaml:1:1  components: is missing. Mend: give components: a map of the promised components by id`,
  ],
  [
    'components that are a list',
    `
components: [kafka]`,
    {},
    `
phase.yaml:5:1  components: must be a map, is a list. Mend: give components: a map of the promised components by id`,
  ],
  [
    'a component with nothing in it',
    `
components:
  kafka:`,
    {},
    `
phase.yaml:6:3  components.kafka.endpoint: is missing. Mend: write endpoint: host:9092`,
  ],
  [
    'a component that is text',
    `
components:
  kafka: k:9092`,
    {},
    `
phase.yaml:6:10  components.kafka: must be a map, is text. Mend: give kafka: a map with at least endpoint: host:9092`,
  ],
  [
    'an id with capital letters',
    `
components:
  Kafka: { type: kafka, endpoint: k }`,
    {},
    `
phase.yaml:6:3  components.Kafka: must be 1 to 40 lower-case letters, digits and inner hyphens. Mend: write it so`,
  ],
  [
    'an id that is almost a type',
    `
components:
  kafak: { endpoint: k }`,
    {},
    `
phase.yaml:6:3  components.kafak: kafak is not a type of component, and the component has no type. Mend: did you mean kafka? Known types: kafka, neo4j, datahub`,
  ],
  [
    'a type that nobody knows',
    `
components:
  events:
    type: rabbitmq
    endpoint: k`,
    {},
    `
phase.yaml:7:11  components.events.type: rabbitmq is not a type of component. Mend: known types: kafka, neo4j, datahub`,
  ],
  [
    'an id that is no type, without a type',
    `
components:
  events: { endpoint: k }`,
    {},
    `
phase.yaml:6:3  components.events: events is not a type of component, and the component has no type. Mend: known types: kafka, neo4j, datahub`,
  ],
  [
    'a missing endpoint',
    `
components:
  kafka: { brokers: 3 }`,
    {},
    `
phase.yaml:6:3  components.kafka.endpoint: is missing. Mend: write endpoint: host:9092`,
  ],
  [
    'a missing endpoint of several',
    `
components:
  neo4j: { pods: 1 }`,
    {},
    `
phase.yaml:6:3  components.neo4j.endpoints: is missing. Mend: write endpoints: { bolt: host:7687, http: host:port }`,
  ],
  [
    'one of several endpoints missing',
    `
components:
  neo4j: { endpoints: { bolt: n } }`,
    {},
    `
phase.yaml:6:12  components.neo4j.endpoints.http: is missing. Mend: give http: the HTTP API`,
  ],
  [
    'one endpoint where the type has several',
    `
components:
  neo4j: { endpoint: n }`,
    {},
    `
phase.yaml:6:12  components.neo4j.endpoint: is one of several that Neo4j has. Mend: write endpoints: { bolt: host:7687, http: host:port }`,
  ],
  [
    'an endpoint of another name',
    `
components:
  kafka: { endpoints: { bootstrp: k } }`,
    {},
    `
phase.yaml:6:12  components.kafka.endpoints.bootstrap: is missing. Mend: give bootstrap: bootstrap servers
phase.yaml:6:25  components.kafka.endpoints.bootstrp: is not a field of components.kafka.endpoints. Mend: did you mean bootstrap?`,
  ],
  [
    'an endpoint given in both ways',
    `
components:
  kafka: { endpoint: k, endpoints: { bootstrap: l } }`,
    {},
    `
phase.yaml:6:25  components.kafka.endpoints: is given beside endpoint. Mend: keep one of the two`,
  ],
  [
    'a port out of range',
    `
components:
  kafka: { endpoint: "k:99999" }`,
    {},
    `
phase.yaml:6:22  components.kafka.endpoint: has a port that is not a number from 1 to 65535. Mend: write k:9092`,
  ],
  [
    'a port that is no number, in a list',
    `
components:
  kafka:
    endpoint:
      - k-0
      - k-1:kafka`,
    {},
    `
phase.yaml:9:9  components.kafka.endpoint[1]: has a port that is not a number from 1 to 65535. Mend: write k-1:9092`,
  ],
  [
    'no port where the type has no usual one',
    `
components:
  neo4j: { endpoints: { bolt: n, http: n } }`,
    {},
    `
phase.yaml:6:40  components.neo4j.endpoints.http: names no port. Mend: write n:port; this type has no usual one`,
  ],
  [
    'a path without a scheme',
    `
components:
  neo4j: { endpoints: { bolt: n, http: 'n:7474/db' } }`,
    {},
    `
phase.yaml:6:40  components.neo4j.endpoints.http: is not host:port. Mend: write host:port, an IPv6 address in brackets; a URL begins with its scheme, as in http://`,
  ],
  [
    'a URL without a host',
    `
components:
  neo4j: { endpoints: { bolt: n, http: 'http://' } }`,
    {},
    `
phase.yaml:6:40  components.neo4j.endpoints.http: is not a URL. Mend: write scheme://host:port, with a port from 1 to 65535`,
  ],
  [
    'a URL with a password in it',
    `
components:
  neo4j: { endpoints: { bolt: n, http: 'http://u:hunter22@n:7474' } }`,
    {},
    `
phase.yaml:6:40  components.neo4j.endpoints.http: holds a user or password. Mend: take them out of the URL and give them as credentials: { user, password: { env: NAME } }`,
  ],
  [
    'an empty part of a list',
    `
components:
  kafka: { endpoint: "k," }`,
    {},
    `
phase.yaml:6:22  components.kafka.endpoint: has an empty address. Mend: write host:port, or take the extra comma out`,
  ],
  [
    'two components at one address',
    `
components:
  kafka: { endpoint: "k:9092" }
  copy: { type: kafka, endpoint: k }`,
    {},
    `
phase.yaml:7:34  components.copy.endpoint: is the endpoint of kafka too. Mend: give copy its own; one of the two is a copy`,
  ],
  [
    'a double where the platform is real',
    `
components:
  kafka: { endpoint: k, stance: double }`,
    {},
    `
phase.yaml:6:33  components.kafka.stance: is a double outside the local platform. Mend: take stance out and give the real service`,
  ],
  [
    'a weight below zero',
    `
components:
  kafka: { endpoint: k, weight: -1 }`,
    {},
    `
phase.yaml:6:33  components.kafka.weight: must be at least 0. Mend: give weight: its share of the score, relative to the other components`,
  ],
  [
    'only weights of zero',
    `
components:
  kafka: { endpoint: k, weight: 0 }`,
    {},
    `
phase.yaml:5:1  components: has only weights of 0. Mend: give at least one component a weight above 0`,
  ],
  [
    'a need that is not declared',
    `
components:
  kafka: { endpoint: k }
  datahub:
    endpoint: g
    needs: [kafka, neo4j]`,
    {},
    `
phase.yaml:9:20  components.datahub.needs[1]: neo4j is not a component of this phase. Mend: its components: kafka, datahub`,
  ],
  [
    'needs that go round',
    `
components:
  kafka: { endpoint: k, needs: [datahub] }
  datahub: { endpoint: g }`,
    {},
    `
phase.yaml:6:25  components.kafka.needs: is a cycle: kafka needs datahub needs kafka. Mend: take one of these needs out; no component could ever be looked at`,
  ],
  [
    'a need of itself',
    `
components:
  kafka: { endpoint: k, needs: [kafka] }`,
    {},
    `
phase.yaml:6:25  components.kafka.needs: is a cycle: kafka needs kafka. Mend: take one of these needs out; no component could ever be looked at`,
  ],
  [
    'a goal of an unknown component',
    `
components:
  kafka: { endpoint: k }
goals:
  Data:
    - kafka
    - kafkaa`,
    {},
    `
phase.yaml:10:7  goals.Data[1]: kafkaa is not a component of this phase. Mend: did you mean kafka?`,
  ],
  [
    'an empty goal',
    `
components:
  kafka: { endpoint: k }
goals: { Data: [] }`,
    {},
    `
phase.yaml:7:10  goals.Data: is empty. Mend: give Data: a map of goals, each with the ids of the components whose sizes it sums`,
  ],
  [
    'a waiver that matches nothing',
    `
components:
  kafka: { endpoint: k }
waivers:
  - { checks: kafka.durability.replica, reason: r, owner: o, expires: 2026-12-31 }`,
    {},
    `
phase.yaml:8:15  waivers[0].checks: kafka.durability.replica matches no check of this phase's components. Mend: did you mean kafka.durability.replicas?`,
  ],
  [
    'a waiver of a type that is not in the phase',
    `
components:
  kafka: { endpoint: k }
waivers:
  - { checks: doris.*, reason: r, owner: o, expires: 2026-12-31 }`,
    {},
    `
phase.yaml:8:15  waivers[0].checks: doris.* matches no check of this phase's components. Mend: write a check id, or a prefix as in kafka.*`,
  ],
  [
    'a waiver that covers an unknown component',
    `
components:
  kafka: { endpoint: k }
waivers:
  - { checks: kafka.*, reason: r, owner: o, expires: 2026-12-31, covers: [datahub] }`,
    {},
    `
phase.yaml:8:75  waivers[0].covers[0]: datahub is not a component of this phase. Mend: its components: kafka`,
  ],
  [
    'a waiver without owner and reason',
    `
components:
  kafka: { endpoint: k }
waivers:
  - checks: kafka.*
    expires: 2026-12-31`,
    {},
    `
phase.yaml:8:5  waivers[0].reason: is missing. Mend: give reason: why the platform may be released without it
phase.yaml:8:5  waivers[0].owner: is missing. Mend: give owner: who mends it`,
  ],
  [
    'a date that is none',
    `
components:
  kafka: { endpoint: k }
waivers:
  - { checks: kafka.*, reason: r, owner: o, expires: 2026-02-30 }`,
    {},
    `
phase.yaml:8:54  waivers[0].expires: is not a date. Mend: give expires: a date such as 2026-01-31 (the whole day, UTC) or a date-time with its zone`,
  ],
  [
    'a beginning that is no date',
    `
components:
  kafka: { endpoint: k }
starts: yesterday`,
    {},
    `
phase.yaml:7:9  starts: is not a date. Mend: give starts: when the phase began: a date or a date-time`,
  ],
  [
    'the secret itself',
    `
components:
  kafka:
    endpoint: k
    credentials: { user: u, password: hunter22 }`,
    {},
    `
phase.yaml:8:39  components.kafka.credentials.password: must not be the secret itself. Mend: write password: { env: NAME } or password: { file: path }`,
  ],
  [
    'the secret itself, as a number',
    `
components:
  kafka: { endpoint: k, credentials: { user: u, password: 22222222 } }`,
    {},
    `
phase.yaml:6:59  components.kafka.credentials.password: must not be the secret itself. Mend: write password: { env: NAME } or password: { file: path }`,
  ],
  [
    'the secret itself, by a variable',
    `
components:
  kafka: { endpoint: k, credentials: { user: u, password: "\${P}" } }`,
    { P: 'hunter22' },
    `
phase.yaml:6:59  components.kafka.credentials.password: must not be the secret itself. Mend: write password: { env: NAME } or password: { file: path }`,
  ],
  [
    'the secret itself, as a key',
    `
components:
  kafka: { endpoint: k, credentials: { user: u, password: { hunter22 } } }`,
    {},
    `
phase.yaml:6:49  components.kafka.credentials.password: must say where the secret is. Mend: write password: { env: NAME } or password: { file: path }`,
  ],
  [
    'credentials without a password',
    `
components:
  kafka: { endpoint: k, credentials: { user: u } }`,
    {},
    `
phase.yaml:6:25  components.kafka.credentials.password: is missing. Mend: write password: { env: NAME } or password: { file: path }`,
  ],
  [
    'a secret that is not set',
    `
components:
  kafka: { endpoint: k, credentials: { user: u, password: { env: P } } }`,
    {},
    `
phase.yaml:6:66  components.kafka.credentials.password.env: environment variable P is not set. Mend: set P to the secret`,
  ],
  [
    'a secret that is empty',
    `
components:
  kafka: { endpoint: k, credentials: { user: u, password: { env: P } } }`,
    { P: '' },
    `
phase.yaml:6:66  components.kafka.credentials.password.env: environment variable P is empty. Mend: set P to the secret`,
  ],
  [
    'a secret file that is not there',
    `
components:
  kafka: { endpoint: k, credentials: { user: u, password: { file: none } } }`,
    {},
    `
phase.yaml:6:67  components.kafka.credentials.password.file: none can not be read (ENOENT). Mend: mount the secret there, readable by this user`,
  ],
  [
    'an authority that is not there',
    `
components:
  kafka:
    endpoint: k
    tls:
      ca: none.pem`,
    {},
    `
phase.yaml:9:11  components.kafka.tls.ca: none.pem can not be read (ENOENT). Mend: put the PEM file of the authority there`,
  ],
  [
    'an unknown field of tls',
    `
components:
  kafka: { endpoint: k, tls: { cert: c.pem } }`,
    {},
    `
phase.yaml:6:32  components.kafka.tls.cert: is not a field of components.kafka.tls. Mend: known fields: ca, servername`,
  ],
  [
    'tls that is text',
    `
components:
  kafka: { endpoint: k, tls: on }`,
    {},
    `
phase.yaml:6:30  components.kafka.tls: can not be text. Mend: give tls: true for the authorities that the system trusts, or a map of ca and servername`,
  ],
  [
    'a variable that is not set',
    `
components:
  kafka: { endpoint: "\${BOOTSTRAP}" }`,
    {},
    `
phase.yaml:6:22  components.kafka.endpoint: environment variable BOOTSTRAP is not set. Mend: set it, or give a default as in \${BOOTSTRAP:-default}`,
  ],
  [
    'a variable that can not be read',
    `
components:
  kafka: { endpoint: k }
notes: "\${NO-NAME} and \${"`,
    {},
    `
phase.yaml:7:8  notes: has a \${ that begins no variable. Mend: write \${NAME} or \${NAME:-default}, or $\${ for a plain \${`,
  ],
  [
    'everything at once, in the order of the lines',
    `
components:
  kafka: { brokers: x, endpoint: "k:0" }
  dathub: {}
id2: x
gate: { score: "\${NONE}" }
waivers: [{}]`,
    {},
    `
phase.yaml:6:21  components.kafka.brokers: must be a number, is text. Mend: give brokers: how many brokers are promised, as a number: quotes and \${…} make text
phase.yaml:6:34  components.kafka.endpoint: has a port that is not a number from 1 to 65535. Mend: write k:9092
phase.yaml:7:3  components.dathub: dathub is not a type of component, and the component has no type. Mend: did you mean datahub? Known types: kafka, neo4j, datahub
phase.yaml:8:1  id2: is not a field of a phase. Mend: did you mean id?
phase.yaml:9:16  gate.score: environment variable NONE is not set. Mend: set it, or give a default as in \${NONE:-default}
phase.yaml:10:11  waivers[0].checks: is missing. Mend: give checks: a check id, or a prefix that ends in .* such as kafka.durability.*
phase.yaml:10:11  waivers[0].reason: is missing. Mend: give reason: why the platform may be released without it
phase.yaml:10:11  waivers[0].owner: is missing. Mend: give owner: who mends it
phase.yaml:10:11  waivers[0].expires: is missing. Mend: give expires: a date such as 2026-01-31 (the whole day, UTC) or a date-time with its zone`,
  ],
];

test.each(BAD)('%s', async (_, text, env, expected) => {
  const found = await errorsOf(folder(), text.slice(1), { env });
  expect(`\n${found}`).toBe(expected);
  expect(found).not.toMatch(/hunter22|22222222/);
});

test('a forward that nobody opened', async () => {
  const text = `
components:
  kafka: { endpoints: { bootstrap: ["127.0.0.1:9092", "kafka.data:9092"] } }
environments:
  forwarded: { target: { path: port-forward } }`;
  expect(await errorsOf(folder(), text.slice(1), { environment: 'forwarded' })).toBe(
    'phase.yaml:6:55  components.kafka.endpoints.bootstrap[1]: is not the near end of a port-forward, which target.path says that it is. Mend: run kubectl port-forward and give its 127.0.0.1:PORT, or say direct or in-cluster',
  );
});

test('a file that is not there, or empty', async () => {
  const loaded = await loadPhase(join(folder(), 'none.yaml'), CONTEXT);
  expect(!loaded.ok && loaded.errors.map(({ line, field, problem }) => [line, field, problem])).toEqual([
    [1, '(file)', 'can not be read (ENOENT)'],
  ]);
  const empty = await loadText(folder(), '');
  expect(!empty.ok && empty.errors.map(({ line, field, problem }) => [line, field, problem])).toEqual([
    [1, '(file)', 'must be a map, is empty'],
  ]);
});
