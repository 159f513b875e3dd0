import { stringify } from 'yaml';
import type { Report, Waiver } from './model.ts';

/** How long an adopted waiver holds: long enough to work it off, short enough not to be forgotten. */
const DAYS = 30;

/**
 * Waivers for all that does not hold now, dated, for a platform that is older than its gate: a `waivers:` block to be put into the phase
 * file and worked off. What a root cause blocks is covered by its waiver, not waived by itself.
 */
export function adopt(report: Report): string {
  const expires = new Date(Date.parse(report.run.startedAt) + DAYS * 86_400_000).toISOString().slice(0, 10);
  const waivers: Waiver[] = report.components.flatMap(({ id, owner, checks }) =>
    checks
      .filter(({ status, points }) => status === 'failed' && points > 0)
      .map((check) => ({
        checks: check.id,
        covers: heldBack(report, `${id}/${check.id}`, id),
        reason: check.diagnosis?.cause ?? check.claim,
        owner: owner ?? 'nobody yet: name one',
        approver: null,
        expires,
      })),
  );
  const unique = [...new Map(waivers.map((waiver) => [waiver.checks, waiver])).values()];
  const head = `# What did not hold on ${report.run.startedAt.slice(0, 10)} in run ${report.run.id}. Put it into the phase file and work it off.\n`;
  return (
    head +
    stringify({
      waivers: unique.map(({ approver, covers, ...rest }) => ({ ...rest, ...(covers.length ? { covers } : {}) })),
    })
  );
}

/** Other components in which something waits for this check. */
function heldBack({ components }: Report, ref: string, own: string): string[] {
  return components
    .filter(({ id, checks }) => id !== own && checks.some(({ blockedBy }) => blockedBy === ref))
    .map(({ id }) => id);
}
