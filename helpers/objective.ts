import { z } from 'zod';

/** What a phase promises of a performance check, in the check's own unit; less is better. */
export interface Objective {
  /** At or under it all points are earned. */
  readonly target: number;
  /** Over it the check fails; between the two a pass earns between all and half of its points. */
  readonly limit: number;
}

/** Fewer samples than these say nothing of a percentile. */
export const LEAST_SAMPLES = 30;

/** The field of a phase file that holds an objective. @param about what is measured, with its unit */
export const objective = (about: string) =>
  z
    .strictObject({
      target: z.number().positive().describe('at or under it all points are earned'),
      limit: z.number().positive().describe('over it the check fails; half of the points are earned at it'),
    })
    .refine(({ target, limit }) => target <= limit, 'has a target over its limit')
    .describe(`{ target, limit } in ${about}`);

/** Thousandths of its points that a measurement earns; null: it is over the limit. */
export function earnedAt(measured: number, { target, limit }: Objective): number | null {
  if (measured <= target) return 1_000;
  if (measured > limit) return null;
  return 1_000 - Math.ceil((500 * (measured - target)) / (limit - target));
}

/** The nearest-rank percentile. @param share of 1, such as 0.99 */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new RangeError('there is no percentile of no samples');
  return value;
}
