/** Why a run has to end before its time. Aborted once, with the reason in words. */
export interface Stop extends Disposable {
  readonly signal: AbortSignal;
  /** In words, once aborted. */
  readonly reason: () => string | null;
}

/**
 * Ctrl-C, SIGTERM and the run's own deadline, as one signal. A second Ctrl-C ends the process at once: what it created is in
 * the scratch ledger, and the next run removes it.
 */
export function stopOnSignals(deadlineMs: number | null, progress: (line: string) => void): Stop {
  const controller = new AbortController();
  let reason: string | null = null;
  const stop = (why: string): void => {
    if (reason !== null) return;
    reason = why;
    progress(`stopping: ${why}`);
    controller.abort(new Error(why));
  };
  const onSignal = (name: NodeJS.Signals): void => {
    if (reason !== null) process.exit(3);
    stop(`interrupted by ${name}`);
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const timer =
    deadlineMs === null ? null : setTimeout(() => stop(`the deadline of ${deadlineMs / 1_000} s passed`), deadlineMs);
  return {
    signal: controller.signal,
    reason: () => reason,
    [Symbol.dispose]() {
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
      if (timer) clearTimeout(timer);
    },
  };
}
