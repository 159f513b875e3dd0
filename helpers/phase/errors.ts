/** Both from 1. */
export interface Position {
  readonly line: number;
  readonly col: number;
}

/** Keys and indices from the root of the file to a value. */
export type Way = readonly (string | number)[];

/** One thing that is wrong in a phase file, for whoever wrote it. Never holds a secret. */
export interface PhaseError extends Position {
  readonly file: string;
  /** Such as `components.kafka.brokers`; of the effective phase, also where the line is an overlay's. */
  readonly field: string;
  readonly problem: string;
  readonly mend: string;
}

/** A PhaseError before its place in the text is looked up. */
export interface Flaw {
  readonly way: Way;
  readonly problem: string;
  readonly mend: string;
  /** Where it is, if not at the value that `way` leads to. */
  readonly at?: Position | 'key';
}

/** The way as people write it: `waivers[0].expires`. */
export const fieldOf = (way: Way): string =>
  way.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : text ? `${text}.${step}` : step),
    '',
  ) || '(file)';

/** In the order of the lines; of several errors about one field at one place only the first found, as the rest follow from it. */
export function sortErrors(errors: readonly PhaseError[]): PhaseError[] {
  const place = ({ line, col, field }: PhaseError): string => `${line}:${col} ${field}`;
  const first = new Map(errors.toReversed().map((error) => [place(error), error]));
  return [...first.values()].reverse().sort((a, b) => a.line - b.line || a.col - b.col);
}

/** `file:line:col  field: problem. Mend: …`, one line whatever the values hold. */
export function formatPhaseError({ file, line, col, field, problem, mend }: PhaseError): string {
  return `${file}:${line}:${col}  ${field}: ${problem}. Mend: ${mend}`.replace(/\p{Cc}+/gu, ' ');
}
