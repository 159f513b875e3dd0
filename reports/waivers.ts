import type { Baseline, Evidence, ReportWaiver } from './model.ts';
import { isExpired, matches, type Row } from './rows.ts';
import { pointsOf, type Score } from './score.ts';

/** A waiver that covers nothing any more is red after this time: it would hide the next failure. */
const STALE_DAYS = 7;

/**
 * @param worth points of a row, in units of the score
 * @param baseline says since when a waiver has been stale
 */
export function waiversOf(
  { phase, run }: Evidence,
  rows: readonly Row[],
  worth: (row: Row) => bigint,
  score: Score,
  baseline: Baseline | null,
): ReportWaiver[] {
  return phase.waivers.map((waiver) => {
    const named = rows.filter(({ selected, entry }) => selected && matches(waiver, entry.id));
    const stale = named.length > 0 && named.every(({ status }) => status === 'passed' || status === 'skipped');
    const before = baseline?.waivers.find(({ checks, reason }) => checks === waiver.checks && reason === waiver.reason);
    const covered = rows.filter((row) => row.waiver === waiver).reduce((sum, row) => sum + worth(row), 0n);
    return {
      ...waiver,
      expired: isExpired(waiver, run.startedAt),
      staleSince: stale ? (before?.staleSince ?? run.startedAt) : null,
      points: pointsOf(covered, score),
    };
  });
}

/** Expired, or stale for longer than it may be. */
export function isRed({ expired, staleSince }: ReportWaiver, at: string): boolean {
  return expired || (staleSince !== null && Date.parse(at) - Date.parse(staleSince) > STALE_DAYS * 86_400_000);
}
