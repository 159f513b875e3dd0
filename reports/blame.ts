import { percentDown } from './exact.ts';
import type { Diagnosis, FixFirst } from './model.ts';
import { indexOf, type Row, rootOf, rowRef } from './rows.ts';
import { pointsOf, type Score } from './score.ts';

/** One root cause with every row that it holds: the symptoms that name it, and all that waits for them. */
export interface Cause {
  readonly row: Row;
  readonly diagnosis: Diagnosis;
  readonly symptoms: readonly Row[];
  readonly blocked: readonly Row[];
  readonly points: bigint;
}

/** Classes by which a sick part shows itself elsewhere in its component without being named. */
const SYMPTOMATIC = new Set<Diagnosis['class']>(['slow', 'unreachable', 'not-redundant', 'quorum-lost', 'unexplained']);

/**
 * Folds all that did not hold into root causes, most points first. Rows of one component that name the same subject, or say
 * the same of it, are one cause. Where the door itself names a sick part, failures of the component that name none are its symptoms.
 * @param worth points of a row, in units of the score
 */
export function causesOf(rows: readonly Row[], worth: (row: Row) => bigint): Cause[] {
  const index = indexOf(rows);
  const open = rows.filter((row) => row.selected && row.status !== 'passed' && row.status !== 'skipped');
  const suspects = doorSubjects(open);
  const groups = new Map<string, { symptoms: Row[]; blocked: Row[] }>();
  for (const row of open) {
    const root = rootOf(row, index);
    if (!root.diagnosis) continue;
    const key = keyOf(root, root.diagnosis, suspects);
    const group = groups.get(key) ?? { symptoms: [], blocked: [] };
    (row === root ? group.symptoms : group.blocked).push(row);
    groups.set(key, group);
  }
  return [...groups.values()]
    .flatMap(({ symptoms, blocked }) => {
      const named = symptoms.find((row) => row.diagnosis?.subject !== undefined) ?? symptoms[0];
      if (!named?.diagnosis) return [];
      const points = [...symptoms, ...blocked].reduce((sum, row) => sum + worth(row), 0n);
      return [{ row: named, diagnosis: named.diagnosis, symptoms, blocked, points }];
    })
    .sort((a, b) => (a.points === b.points ? 0 : a.points < b.points ? 1 : -1));
}

/** Component id to the one sick part that its first failure, the door's, names. */
function doorSubjects(open: readonly Row[]): ReadonlyMap<string, string> {
  const subjects = new Map<string, string>();
  for (const { component, entry, diagnosis } of open)
    if (entry.level === 'reach' && diagnosis?.subject !== undefined && !subjects.has(component.id))
      subjects.set(component.id, diagnosis.subject);
  return subjects;
}

function keyOf({ component }: Row, diagnosis: Diagnosis, suspects: ReadonlyMap<string, string>): string {
  if (diagnosis.class === 'our-side') return `ours ${diagnosis.cause}`;
  if (diagnosis.shared && diagnosis.subject !== undefined) return diagnosis.subject;
  const suspect = SYMPTOMATIC.has(diagnosis.class) ? suspects.get(component.id) : undefined;
  const subject = diagnosis.subject ?? suspect;
  return subject === undefined ? `${component.id} ${diagnosis.class} ${diagnosis.cause}` : `${component.id} ${subject}`;
}

export function fixFirst(causes: readonly Cause[], score: Score): FixFirst[] {
  return causes.map(({ row, diagnosis, symptoms, blocked, points }) => ({
    rootCause: diagnosis.cause,
    class: diagnosis.class,
    component: row.component.id,
    pointsAtStake: pointsOf(points, score),
    scoreIfMended: percentDown(score.earned + points, score.declared),
    blocks: [...symptoms.filter((each) => each !== row), ...blocked].map(rowRef),
    remedy: diagnosis.remedy,
    evidence: diagnosis.evidence,
  }));
}
