/** What the caller must mend: a flag, a phase file, a path. Ends the command with exit code 2 and these lines, no stack. */
export class UsageError extends Error {
  readonly lines: readonly string[];
  constructor(...lines: readonly string[]) {
    super(lines[0]);
    this.name = 'UsageError';
    this.lines = lines;
  }
}
