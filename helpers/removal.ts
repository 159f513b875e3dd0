import { describe } from './diagnose/outcome.ts';
import { until } from './poll.ts';
import type { Left, ScratchEntry } from './service.ts';

/**
 * Removes all entries at once and looks until none is there any more, for services that delete after they have answered.
 * Never throws: when the signal aborts, or a look fails, what was left at the last look is told with the last reason.
 * @param present names that exist, of whomever
 * @param remove asked again for those that are left; what it throws is a reason, not an end
 */
export async function removeUntilGone(
  entries: readonly ScratchEntry[],
  present: () => Promise<Iterable<string>>,
  remove: (names: string[]) => Promise<unknown>,
  signal: AbortSignal,
): Promise<Left[]> {
  if (entries.length === 0) return [];
  let left = [...entries];
  let why = 'still there after deletion';
  try {
    await until(async () => {
      const there = new Set(await present());
      left = left.filter(({ name }) => there.has(name));
      if (left.length === 0) return true;
      await remove(left.map(({ name }) => name)).catch((error: unknown) => {
        why = describe(error);
      });
      return undefined;
    }, signal);
    return [];
  } catch (error) {
    if (!signal.aborted) why = describe(error);
    return left.map((entry) => ({ entry, why }));
  }
}

/** Removes each entry by itself, side by side. @param remove resolves when it is gone, or was not there */
export async function removeEach(
  entries: readonly ScratchEntry[],
  remove: (entry: ScratchEntry) => Promise<unknown>,
): Promise<Left[]> {
  const tried = await Promise.allSettled(entries.map(remove));
  return tried.flatMap((each, index) => {
    const entry = entries[index];
    return each.status === 'rejected' && entry ? [{ entry, why: describe(each.reason) }] : [];
  });
}
