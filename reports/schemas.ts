import { z } from 'zod';
import {
  type Baseline,
  CAUSE_CLASSES,
  COMPONENT_STATUSES,
  type Evidence,
  type Json,
  LEVELS,
  PATHS,
  type Report,
  STATUSES,
  VERDICTS,
} from './model.ts';

/**
 * What a file that claims to be evidence or a report must hold before it is believed. Unknown fields are allowed and kept:
 * a later version adds, it never takes away.
 */

const strings = z.array(z.string());
const at = z.iso.datetime({ offset: true }).describe('ISO 8601, UTC');
const ms = z.number().nonnegative().describe('milliseconds');
const points = z.number().nonnegative().describe('of 100');
const size = z.number().int().nonnegative().nullable();
const roleSizes = z.record(z.string(), z.number().int().nonnegative());
const level = z.enum(LEVELS);
const path = z.enum(PATHS);
const unit = z.enum(['pods', 'brokers', 'nodes']);
const stance = z.enum(['real', 'double']).describe('double: a protocol double stood in for the service');
const json: z.ZodType<Json> = z.json();
const observation = z.record(z.string(), json);

const diagnosis = z.looseObject({
  class: z.enum(CAUSE_CLASSES),
  cause: z.string(),
  remedy: z.string(),
  evidence: z.string(),
  subject: z.string().exactOptional(),
  shared: z.literal(true).exactOptional(),
});
const ref = z.looseObject({ component: z.string(), check: z.string() });
const endpoint = z.looseObject({ logical: z.string(), dialled: z.string(), path });
const scope = z.looseObject({ only: strings, levels: z.array(level), names: strings });
const tool = z.looseObject({ name: z.string(), version: z.string(), catalogue: z.string() });
const run = {
  id: z.string(),
  startedAt: at,
  finishedAt: at.nullable(),
  durationMs: ms,
  complete: z.boolean(),
  cut: z.string().nullable().describe('why the run is not complete'),
  readOnly: z.boolean(),
  scope: scope.nullable().describe('null: all that the phase promised was asked'),
};
const problem = z.looseObject({ where: z.string(), what: z.string(), remedy: z.string() });
const cleanup = z.looseObject({
  created: z.number().int(),
  removed: z.number().int(),
  left: z.array(z.looseObject({ component: z.string(), kind: z.string(), name: z.string(), why: z.string() })),
});
const waiver = {
  checks: z.string(),
  covers: strings,
  reason: z.string(),
  owner: z.string(),
  approver: z.string().nullable(),
  expires: z.string(),
};

const outcome = z.discriminatedUnion('status', [
  z.looseObject({ status: z.literal('passed'), observed: observation, earned: z.number().int().min(0).max(1_000) }),
  z.looseObject({ status: z.literal('failed'), diagnosis, observed: observation.nullable() }),
  z.looseObject({ status: z.literal('blocked'), by: ref }),
  z.looseObject({ status: z.literal('unobserved'), diagnosis, notSelected: z.literal(true).exactOptional() }),
  z.looseObject({ status: z.literal('skipped'), predicate: z.looseObject({ name: z.string(), value: json }) }),
]);

const secretRef = z.union([z.looseObject({ env: z.string() }), z.looseObject({ file: z.string() })]);
const component = z.looseObject({
  id: z.string(),
  type: z.string(),
  title: z.string(),
  required: z.boolean(),
  weight: z.number().nonnegative(),
  needs: strings,
  owner: z.string().nullable(),
  runbook: z.string().nullable(),
  target: size,
  unit,
  roles: roleSizes.exactOptional(),
  stance,
  endpoints: z.record(z.string(), strings),
  tls: z.looseObject({ ca: z.string().exactOptional(), servername: z.string().exactOptional() }).nullable(),
  credentials: z
    .looseObject({ user: z.string(), password: secretRef, mechanism: z.string().exactOptional() })
    .nullable(),
  settings: z.record(z.string(), json),
});

const before = z.looseObject({ ready: z.number().int(), desired: z.number().int() }).nullable();
const score = z.looseObject({ value: points, coverage: points, quality: points, attainable: points, atBest: points });
const health = z.looseObject({ ready: z.number().int(), desired: z.number().int(), percent: points }).nullable();

const trendPoint = z.looseObject({
  run: z.string(),
  startedAt: at,
  verdict: z.enum(VERDICTS),
  score: points,
  coverage: points,
});

const BaselineSchema = z.looseObject({
  tool,
  run: z.looseObject({
    id: z.string(),
    startedAt: at,
    complete: z.boolean(),
    readOnly: z.boolean(),
    scope: scope.nullable(),
  }),
  phase: z.looseObject({ id: z.string(), sha256: z.string() }),
  verdict: z.enum(VERDICTS),
  score,
  health,
  components: z.array(
    z.looseObject({
      id: z.string(),
      weight: z.number().nonnegative(),
      status: z.enum(COMPONENT_STATUSES),
      since: z.string().nullable(),
      achieved: size,
      earned: points,
      checks: z.array(z.looseObject({ id: z.string(), status: z.enum(STATUSES), failingSince: z.string().nullable() })),
    }),
  ),
  waivers: z.array(z.looseObject({ checks: z.string(), reason: z.string(), staleSince: z.string().nullable() })),
}) satisfies z.ZodType<Baseline>;

export const EvidenceSchema = z.looseObject({
  schemaVersion: z.literal(1),
  tool,
  run: z.looseObject({
    ...run,
    disrupt: z.boolean(),
    shard: z.looseObject({ index: z.number().int(), of: z.number().int() }).nullable(),
  }),
  phase: z.looseObject({
    schemaVersion: z.literal(1),
    id: z.string(),
    name: z.string(),
    file: z.string(),
    sha256: z.string(),
    environment: z.string().nullable(),
    local: z.boolean(),
    writes: z.boolean(),
    target: z.looseObject({ name: z.string(), path, revision: z.string().nullable() }),
    cluster: z
      .looseObject({
        kubeconfig: z.string().nullable(),
        context: z.string().nullable(),
        uid: z.string().nullable(),
      })
      .exactOptional(),
    components: z.array(component),
    gate: z.looseObject({
      score: z.number(),
      coverage: z.number(),
      health: z.number().nullable(),
      requiredLevels: z.array(level),
      flaky: z.number().nullable(),
      noRegression: z.boolean(),
    }),
    waivers: z.array(z.looseObject(waiver)),
    goals: z.record(z.string(), strings),
    starts: z.string().nullable(),
    before,
    stages: z.record(z.string(), z.looseObject({ of: strings, estimate: z.string().nullable() })),
    notes: z.string().nullable(),
  }),
  catalogue: z.record(
    z.string(),
    z.array(
      z.looseObject({
        id: z.string(),
        level,
        claim: z.string(),
        needs: strings,
        writes: strings,
        disruptive: z.boolean(),
      }),
    ),
  ),
  doors: z.array(
    z.looseObject({
      component: z.string(),
      state: z.enum(['open', 'closed', 'unobserved']),
      check: z.string(),
      diagnosis: diagnosis.nullable(),
      endpoints: z.array(endpoint),
      version: z.string().nullable(),
      achieved: size,
      roles: roleSizes.exactOptional(),
      observed: observation,
      workload: observation.exactOptional(),
      durationMs: ms,
    }),
  ),
  checks: z.array(
    z.looseObject({
      component: z.string(),
      check: z.string(),
      outcome,
      attempts: z.number().int(),
      durationMs: ms,
      startedMs: ms,
    }),
  ),
  health: z.looseObject({ ready: z.number().int(), desired: z.number().int() }).nullable(),
  cluster: z.looseObject({ uid: z.string().nullable(), version: z.string() }).exactOptional(),
  cleanup: cleanup.nullable(),
  problems: z.array(problem),
  past: z.looseObject({ baseline: BaselineSchema.nullable(), trend: z.array(trendPoint) }),
  timing: z
    .looseObject({ preflightMs: ms, longestChain: z.looseObject({ checks: strings, ms }), wallMs: ms })
    .nullable(),
}) satisfies z.ZodType<Evidence>;

export const ReportSchema = z.looseObject({
  schemaVersion: z.literal(1),
  tool,
  run: z.looseObject(run),
  target: z.looseObject({
    name: z.string(),
    clusterUid: z.string().nullable(),
    kubernetes: z.string().nullable(),
    path,
    revision: z.string().nullable(),
  }),
  phase: z.looseObject({ id: z.string(), name: z.string(), sha256: z.string(), starts: z.string().nullable() }),
  verdict: z.enum(VERDICTS),
  gate: z.array(z.looseObject({ rule: z.string(), observed: z.string(), passed: z.boolean() })),
  score: score.describe('each rounded down to 0.1'),
  health,
  components: z.array(
    z.looseObject({
      id: z.string(),
      type: z.string(),
      title: z.string(),
      required: z.boolean(),
      weight: z.number().nonnegative(),
      points,
      earned: points,
      status: z.enum(COMPONENT_STATUSES),
      since: z.string().nullable(),
      owner: z.string().nullable(),
      runbook: z.string().nullable(),
      endpoints: z.array(endpoint),
      storage: strings.default([]).describe('claims of its pods: name, phase, size, class'),
      target: size,
      achieved: size,
      unit,
      roles: z
        .record(z.string(), z.looseObject({ target: size, achieved: size }))
        .exactOptional()
        .describe('where parts of it are promised and counted apart, such as fe and be'),
      version: z.string().nullable(),
      stance,
      blockedBy: z.string().nullable(),
      checks: z.array(
        z.looseObject({
          id: z.string(),
          level,
          claim: z.string(),
          status: z.enum(STATUSES),
          points,
          earned: points,
          durationMs: ms,
          flaky: z.boolean(),
          blockedBy: z.string().nullable().describe('component/check of the first ancestor that did not pass'),
          diagnosis: diagnosis.nullable(),
          observed: observation.nullable(),
          skippedBecause: z.string().nullable(),
          failingSince: z.string().nullable(),
          reproduce: z.string(),
        }),
      ),
    }),
  ),
  fixFirst: z.array(
    z.looseObject({
      rootCause: z.string(),
      class: z.enum(CAUSE_CLASSES),
      component: z.string(),
      pointsAtStake: points,
      scoreIfMended: points,
      blocks: strings,
      remedy: z.string(),
      evidence: z.string(),
    }),
  ),
  ledger: z
    .array(
      z.looseObject({ component: z.string(), check: z.string(), points, status: z.enum(STATUSES), cause: z.string() }),
    )
    .describe('a line for every lost point'),
  goals: z.array(z.looseObject({ goal: z.string(), target: z.string(), achieved: z.string(), percent: points })),
  stages: z.array(
    z.looseObject({
      stage: z.string(),
      of: strings,
      estimate: z.string().nullable(),
      percent: points.nullable(),
    }),
  ),
  before,
  trend: z.array(trendPoint),
  argo: z.array(z.looseObject({ application: z.string(), sync: z.string(), health: z.string() })),
  waivers: z.array(z.looseObject({ ...waiver, expired: z.boolean(), staleSince: z.string().nullable(), points })),
  comparison: z
    .looseObject({
      baseline: z.string(),
      startedAt: at,
      verdict: z.enum(VERDICTS),
      score,
      health,
      components: z.record(
        z.string(),
        z.looseObject({ status: z.enum(COMPONENT_STATUSES), achieved: size, earned: points }),
      ),
      comparable: z.boolean(),
      why: strings,
      scoreDelta: z.number(),
      fixed: strings,
      broken: strings,
      new: strings,
      gone: strings,
    })
    .nullable(),
  cleanup,
  problems: z.array(problem),
  notes: z.string().nullable(),
}) satisfies z.ZodType<Report>;

/** The JSON Schema of report.json, as committed in reports/report.schema.json. */
export function reportJsonSchema(): object {
  return { ...z.toJSONSchema(ReportSchema, { io: 'input' }), title: 'assay report, schema version 1' };
}

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

/** Reads JSON text against a schema; the problem names the first field that is wrong. */
export function parse<T>(schema: z.ZodType<T>, content: string): Parsed<T> {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    return { ok: false, problem: `not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  const result = schema.safeParse(value);
  if (result.success) return { ok: true, value: result.data };
  const [issue] = result.error.issues;
  return { ok: false, problem: `${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'does not fit'}` };
}
