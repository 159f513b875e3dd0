import type { CheckRecord, Evidence } from './model.ts';

export type Merged =
  | { readonly ok: true; readonly evidence: Evidence }
  | { readonly ok: false; readonly problem: string };

/**
 * Joins the evidence of shards of one phase. Refuses what does not belong together: another phase, another catalogue, the same shard twice,
 * a shard that is missing. The whole is complete where every shard was.
 */
export function merge(parts: readonly Evidence[]): Merged {
  const [first] = parts;
  if (!first) return { ok: false, problem: 'there is no evidence to merge' };
  const sorted = [...parts].sort((a, b) => (a.run.shard?.index ?? 0) - (b.run.shard?.index ?? 0));
  const problem = misfit(sorted);
  if (problem !== null) return { ok: false, problem };
  const [lead] = sorted as [Evidence];
  const finished = sorted.map(({ run }) => run.finishedAt);
  const cuts = sorted.flatMap(({ run }) => (run.cut === null ? [] : [`shard ${run.shard?.index}: ${run.cut}`]));
  const starts = sorted.map(({ run }) => run.startedAt).sort();
  const cleanups = sorted.map(({ cleanup }) => cleanup);
  return {
    ok: true,
    evidence: {
      ...lead,
      run: {
        ...lead.run,
        startedAt: starts[0] ?? lead.run.startedAt,
        finishedAt: finished.includes(null) ? null : (finished.sort().at(-1) ?? null),
        durationMs: Math.max(...sorted.map(({ run }) => run.durationMs)),
        complete: sorted.every(({ run }) => run.complete),
        cut: cuts.length === 0 ? null : cuts.join('; '),
        scope: null,
        shard: null,
      },
      doors: uniqueDoors(sorted),
      checks: uniqueChecks(sorted),
      cleanup: cleanups.includes(null)
        ? null
        : {
            created: cleanups.reduce((sum, each) => sum + (each?.created ?? 0), 0),
            removed: cleanups.reduce((sum, each) => sum + (each?.removed ?? 0), 0),
            left: cleanups.flatMap((each) => each?.left ?? []),
          },
      problems: sorted.flatMap(({ problems }) => problems),
      timing: null,
    },
  };
}

function misfit(parts: readonly Evidence[]): string | null {
  const [lead] = parts as [Evidence];
  const of = lead.run.shard?.of;
  if (of === undefined) return `run ${lead.run.id} is no shard: only what --shard made can be merged`;
  for (const { run, phase, tool } of parts) {
    if (run.shard?.of !== of) return `run ${run.id} is of another division than ${of} shards`;
    if (phase.id !== lead.phase.id || phase.sha256 !== lead.phase.sha256)
      return `run ${run.id} is of phase ${phase.id} (${phase.sha256.slice(0, 12)}), not of ${lead.phase.id} (${lead.phase.sha256.slice(0, 12)})`;
    if (tool.catalogue !== lead.tool.catalogue) return `run ${run.id} was made with another catalogue of checks`;
    if (run.readOnly !== lead.run.readOnly || run.disrupt !== lead.run.disrupt)
      return `run ${run.id} was run with other flags (--read-only, --disrupt)`;
  }
  const seen = parts.map(({ run }) => run.shard?.index ?? 0);
  const twice = seen.find((index, position) => seen.indexOf(index) !== position);
  if (twice !== undefined) return `shard ${twice} of ${of} is there twice`;
  const missing = Array.from({ length: of }, (_, i) => i + 1).filter((index) => !seen.includes(index));
  return missing.length === 0 ? null : `shard ${missing.join(', ')} of ${of} is missing`;
}

/** A component's door is that of the shard whose component it is; others knocked only because something of theirs needs it. */
function uniqueDoors(parts: readonly Evidence[]): Evidence['doors'] {
  const doors = new Map<string, Evidence['doors'][number]>();
  for (const part of parts)
    for (const door of part.doors)
      if (!doors.has(door.component) || part.run.scope?.only.includes(door.component)) doors.set(door.component, door);
  return [...doors.values()];
}

function uniqueChecks(parts: readonly Evidence[]): CheckRecord[] {
  const notSelected = ({ outcome }: CheckRecord): boolean =>
    outcome.status === 'unobserved' && outcome.notSelected === true;
  const records = new Map<string, CheckRecord>();
  for (const part of parts)
    for (const record of part.checks) {
      const key = `${record.component}/${record.check}`;
      if (notSelected(record)) continue;
      if (!records.has(key) || part.run.scope?.only.includes(record.component)) records.set(key, record);
    }
  return [...records.values()];
}
