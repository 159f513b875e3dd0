import { setTimeout as delay } from 'node:timers/promises';
import { BUDGETS } from './budgets.ts';

/**
 * Asks until the answer is something else than undefined. Throws the signal's reason when it aborts first.
 * @param look asked once at once, then every `everyMs` milliseconds
 */
export async function until<T>(
  look: () => Promise<T | undefined> | T | undefined,
  signal: AbortSignal,
  everyMs: number = BUDGETS.poll,
): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    const answer = await look();
    if (answer !== undefined) return answer;
    await delay(everyMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
