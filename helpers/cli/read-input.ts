import { readFileSync } from 'node:fs';
import { codeOf } from '../phase/secret.ts';
import { UsageError } from './usage-error.ts';

/** The text of a file that the caller named. @throws UsageError where it can't be read, saying what to give */
export function readInput(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${file}: can not be read (${codeOf(error)}). Give ${what}.`);
  }
}
