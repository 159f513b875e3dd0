import { visible } from '../../reports/untrusted.ts';
import { createRedactor, type Redactor } from '../redact.ts';

/** The two channels of a command: results on stdout, progress and logs on stderr, and no secret on either. */
export interface Output {
  readonly redactor: Redactor;
  readonly colour: boolean;
  readonly columns: number;
  /** True where a person watches stderr: `block` shows something. */
  readonly watched: boolean;
  result(text: string): void;
  progress(line: string): void;
  /** Lines that stay below all progress and are painted anew each time; none takes them away. Does nothing where nobody watches. */
  block(lines: readonly string[]): void;
}

/** Goes up so many lines and clears from there. Source: ECMA-48, CPL and ED. */
const clear = (lines: number): string => (lines === 0 ? '' : `\x1b[${lines}F\x1b[J`);

/** Colour and painting where a person reads: never with NO_COLOR, in CI or into a pipe. Source: no-color.org. */
export function processOutput(env: NodeJS.ProcessEnv): Output {
  const redactor = createRedactor([]);
  const bare = Boolean(env.CI || env.NO_COLOR) || env.TERM === 'dumb';
  const watched = Boolean(process.stderr.isTTY) && !bare;
  const columns = Math.min(120, Math.max(80, (process.stdout.isTTY && process.stdout.columns) || 80));
  let painted: readonly string[] = [];
  const paint = (above: string, lines: readonly string[]): void => {
    const width = process.stderr.columns || 80;
    const fitting = lines.map((line) => clean(line).slice(0, width - 1));
    process.stderr.write(`${clear(painted.length)}${above}${fitting.map((line) => `${line}\n`).join('')}`);
    painted = fitting;
  };
  const clean = (line: string): string => visible(redactor.text(line));
  return {
    redactor,
    colour: Boolean(process.stdout.isTTY) && !bare,
    columns,
    watched,
    result: (text) => void process.stdout.write(redactor.text(text.endsWith('\n') ? text : `${text}\n`)),
    progress: (line) => paint(`${clean(line)}\n`, painted),
    block: (lines) => {
      if (watched) paint('', lines);
    },
  };
}
