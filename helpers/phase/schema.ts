import { z } from 'zod';
import { type Component, LEVELS, PATHS } from '../../reports/model.ts';
import type { Service } from '../service.ts';

/*
 * The shape of a phase file. Descriptions complete "give <field>: …" in errors and stand in the editor's help,
 * as the JSON Schema is made from this too.
 */

const UNITS: readonly Component['unit'][] = ['pods', 'brokers', 'nodes'];

const Text = z.string().min(1);
const Id = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/, 'must be 1 to 40 lower-case letters, digits and inner hyphens')
  .describe('lower-case letters, digits and hyphens, such as kafka or phase-3');
const Weight = z.int().min(0);

const DATE = z.iso.date();
const DATE_TIME = z.iso.datetime({ offset: true });
const Moment = z
  .string()
  .refine((text) => DATE.safeParse(text).success || DATE_TIME.safeParse(text).success, 'is not a date')
  .meta({ anyOf: [{ format: 'date' }, { format: 'date-time' }] });

const Target = z.strictObject({
  name: Text.describe('what people call this platform; it heads every report'),
  path: z
    .enum(PATHS)
    .default('direct')
    .describe(`how we reach it: ${PATHS.join(', ')}`),
  revision: Text.nullable().default(null).describe('the revision that is deployed, such as a commit, in quotes'),
});

const Cluster = z.strictObject({
  kubeconfig: Text.nullable()
    .default(null)
    .describe(
      'the kubeconfig, from the phase file on; left out: the one that kubectl takes, in a pod its service account',
    ),
  context: Text.nullable().default(null).describe('the context of the kubeconfig; left out: its current one'),
  uid: Text.nullable()
    .default(null)
    .describe('the uid of the namespace kube-system: a run against another cluster ends at once'),
});

const Gate = z.strictObject({
  score: z.number().min(0).max(100).default(90).describe('the least score that passes, 0 to 100'),
  coverage: z.number().min(0).max(100).default(90).describe('the least coverage that passes, 0 to 100'),
  health: z
    .number()
    .min(0)
    .max(100)
    .nullable()
    .default(null)
    .describe('the least platform health in percent, or null to ask for none'),
  requiredLevels: z
    .array(z.enum(LEVELS))
    .default(['reach', 'serve', 'round-trip'])
    .describe('levels in which a required component may have nothing failed, blocked or unobserved'),
  flaky: z
    .int()
    .min(0)
    .nullable()
    .default(null)
    .describe('the most checks that may pass only after a retry, or null for any number'),
  noRegression: z
    .boolean()
    .default(true)
    .describe('false: a check that held in a comparable baseline may fail now, if all else passes'),
});

const Before = z.strictObject({
  ready: z.int().min(0).describe('pods that were ready before the phase'),
  desired: z.int().min(0).describe('pods that were desired before the phase'),
});

const Stage = z.strictObject({
  of: z.array(Id).min(1).describe('ids of its components; one that the phase does not promise has not begun'),
  estimate: Text.nullable().default(null).describe('how long it is thought to take, such as 1h-2h'),
});

export const WaiverShape = z.strictObject({
  checks: z
    .string()
    .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)*(\.\*)?$/, 'is not a check id')
    .describe('a check id, or a prefix that ends in .* such as kafka.durability.*'),
  covers: z
    .array(Id)
    .default([])
    .describe('ids of components that are waived where what this waiver matches blocks them'),
  reason: Text.describe('why the platform may be released without it'),
  owner: Text.describe('who mends it'),
  approver: Text.nullable().default(null).describe('who agreed to the waiver'),
  expires: Moment.describe('a date such as 2026-01-31 (the whole day, UTC) or a date-time with its zone'),
});

const Tls = z
  .union([
    z.literal(true),
    z.strictObject({
      ca: Text.exactOptional().describe(
        "PEM file of the authority that signed the service's certificate; its path begins at the phase file",
      ),
      servername: Text.exactOptional().describe("the name in the service's certificate, where it is not the host"),
    }),
  ])
  .describe('true for the authorities that the system trusts, or a map of ca and servername');

const Password = z
  .union([
    z.strictObject({
      env: z
        .string()
        .regex(/^[A-Za-z_]\w*$/)
        .describe('name of the environment variable'),
    }),
    z.strictObject({ file: Text.describe('path that begins at the phase file') }),
  ])
  .describe('where the secret is: { env: NAME } or { file: path }');

const CredentialsShape = z.strictObject({
  user: Text.describe('the user that the checks log in as'),
  password: Password,
  mechanism: Text.exactOptional().describe('the client mechanism where the service has several, such as SCRAM-SHA-512'),
});

const Addresses = z.union([Text, z.array(Text).min(1)]);

const Namespace = Text.describe('the namespace in which its pods are; left out: that of the phase');

/** Where a component's pods are, for all but the types that are Kubernetes objects themselves. */
const workloadFields = {
  namespace: Namespace.optional(),
  service: Text.optional().describe('the name of the Service in front of its pods, without its namespace'),
  selector: z
    .record(Text, z.string())
    .optional()
    .describe('the labels of its pods, where they do not carry its id; a map of label to value'),
};

/** The fields that every component has; what is left out takes its service's value. */
const componentFields = (service: Service) => ({
  type: z.literal(service.type).default(service.type).describe('the kind of service, where the id does not say it'),
  title: Text.default(service.title).describe('its name in reports'),
  required: z.boolean().default(true).describe('false: the gate does not ask for it, the score still counts it'),
  weight: Weight.default(service.weight).describe('its share of the score, relative to the other components'),
  needs: z
    .array(Id)
    .optional()
    .describe(
      'ids of the components that it can not work without; left out: those of the types that its own type needs',
    ),
  owner: Text.nullable().default(null).describe('who is called when it fails'),
  runbook: Text.nullable().default(null).describe('where the owner reads what to do'),
  stance: z
    .enum(['real', 'double'])
    .default('real')
    .describe('double: a protocol double stands in for it, on the local platform only'),
  tls: Tls.optional(),
  credentials: CredentialsShape.optional(),
});

type ComponentFields = z.output<z.ZodObject<ReturnType<typeof componentFields>>> &
  z.output<z.ZodObject<typeof workloadFields>>;
/** The rest are the size under the service's unit, `endpoint` or `endpoints`, and the service's settings. */
export type ComponentInput = ComponentFields & { readonly [key: string]: unknown };

/** The endpoints that a component of this type can't do without. A type with a single one takes the short form, `endpoint`. */
export const neededEndpoints = ({ endpoints }: Service): string[] =>
  Object.entries(endpoints).flatMap(([name, { optional }]) => (optional ? [] : [name]));

/** How the endpoints of this type are written: `endpoint: host:9092`. */
export function exampleEndpoints(service: Service): string {
  const pairs = neededEndpoints(service).map((name) => [name, `host:${service.endpoints[name]?.port ?? 'port'}`]);
  return pairs.length === 1
    ? `endpoint: ${pairs[0]?.[1]}`
    : `endpoints: { ${pairs.map((pair) => pair.join(': ')).join(', ')} }`;
}

export function componentSchema(service: Service): z.ZodObject {
  const names = Object.entries(service.endpoints);
  const needed = neededEndpoints(service);
  const [only] = needed;
  const byName = z.strictObject(
    Object.fromEntries(
      names.map(([name, { about, optional }]) => {
        const addresses = Addresses.describe(about);
        return [name, optional ? addresses.exactOptional() : addresses];
      }),
    ),
  );
  const shape = z.strictObject({
    ...service.settings.shape,
    ...componentFields(service),
    ...(service.census ? {} : workloadFields),
    [service.unit]: sizeSchema(service).optional(),
    ...(only !== undefined && needed.length === 1
      ? { endpoint: Addresses.optional().describe(service.endpoints[only]?.about ?? '') }
      : {}),
    ...(names.length > 0 ? { endpoints: byName.optional().describe('where it is, by endpoint') } : {}),
  });
  return shape.describe(`a map with at least ${exampleEndpoints(service)}`);
}

/** How much is promised: a number, or one for each role. */
function sizeSchema({ roles, unit }: Service): z.ZodType {
  const size = z.int().min(1);
  if (!roles) return size.describe(`how many ${unit} are promised`);
  const byRole = z.strictObject(
    Object.fromEntries(roles.map((role) => [role, size.describe(`how many of role ${role} are promised`)])),
  );
  return byRole.describe(
    `{ ${roles.map((role) => `${role}: N`).join(', ')} }, how many ${unit} of each role are promised`,
  );
}

/** A size in a unit that is not the service's, which the person who wrote it takes for a size all the same. */
export const isForeignUnit = (key: string, service: Service): boolean =>
  UNITS.some((unit) => unit === key && unit !== service.unit);

/** The file without its environments; components and waivers are read one by one. */
export const PhaseShape = z.strictObject({
  schemaVersion: z.literal(1).describe('1, the version of this format'),
  id: Id.describe('the id of the phase: lower-case letters, digits and hyphens'),
  name: Text.describe('what people call this phase'),
  starts: Moment.nullable().default(null).describe('when the phase began: a date or a date-time'),
  before: Before.nullable().default(null).describe('the pods before the phase, counted by hand'),
  stages: z.record(Text, Stage).default({}).describe('a map of the steps of the phase'),
  target: Target.describe('the platform that the phase is promised for'),
  cluster: Cluster.optional().describe('the cluster whose API is asked, a map of kubeconfig, context and uid'),
  namespace: Text.optional().describe('the namespace of every component that names none'),
  local: z.literal(true).optional().describe('true in the phase of the platform that this suite starts itself'),
  allow: z
    .array(z.literal('write'))
    .default([])
    .describe('[write] to let checks create scratch objects of ours and remove them'),
  gate: Gate.prefault({}).describe('what a pass takes'),
  goals: z
    .record(Text, z.array(Id).min(1))
    .default({})
    .describe('a map of goals, each with the ids of the components whose sizes it sums'),
  notes: Text.nullable().default(null).describe('text that is shown as written by hand and never scored'),
  components: z.record(Id, z.unknown()).describe('a map of the promised components by id'),
  waivers: z.array(z.unknown()).default([]).describe('failures that are accepted for a time'),
});
