import { createRedactor, type Redactor } from '../redact.ts';

/** The two channels of a command: results on stdout, progress and logs on stderr, and no secret on either. */
export interface Output {
  readonly redactor: Redactor;
  readonly colour: boolean;
  readonly columns: number;
  result(text: string): void;
  progress(line: string): void;
}

/** Colour where a person reads: never with NO_COLOR, in CI or into a pipe. Source: no-color.org. */
export function processOutput(env: NodeJS.ProcessEnv): Output {
  const redactor = createRedactor([]);
  const person = process.stdout.isTTY && !env.CI && !env.NO_COLOR && env.TERM !== 'dumb';
  return {
    redactor,
    colour: Boolean(person),
    columns: Math.min(120, Math.max(80, (person && process.stdout.columns) || 80)),
    result: (text) => void process.stdout.write(redactor.text(text.endsWith('\n') ? text : `${text}\n`)),
    progress: (line) => void process.stderr.write(`${redactor.text(line)}\n`),
  };
}
