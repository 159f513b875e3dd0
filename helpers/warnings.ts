const SILENT = new Set(['TimeoutNegativeWarning']);

/**
 * Prints the warnings of this thread but those that name nothing a reader could mend: kafkajs 2.2.4 hands Node a negative time-out now
 * and then, and Node takes it for 1 ms.
 */
export function quietWarnings(): void {
  process.removeAllListeners('warning').on('warning', ({ name, message }) => {
    if (!SILENT.has(name)) process.stderr.write(`${name}: ${message}\n`);
  });
}
