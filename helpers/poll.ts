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

/** The promise's result, or the signal's reason if it aborts first: for clients that know no signal. What they still do is not waited for. */
export async function within<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
