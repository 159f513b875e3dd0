import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { SecretRef } from '../../reports/model.ts';
import type { Env } from './interpolate.ts';

export type Secret =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly problem: string; readonly mend: string };

/** Reads a secret from where its reference says; one line end at the end of a file is not part of it. */
export async function readSecret(ref: SecretRef, folder: string, env: Env): Promise<Secret> {
  if ('env' in ref) {
    const value = env[ref.env];
    if (value) return { ok: true, value };
    return {
      ok: false,
      problem: `environment variable ${ref.env} is ${value === undefined ? 'not set' : 'empty'}`,
      mend: `set ${ref.env} to the secret`,
    };
  }
  const file = resolve(folder, ref.file);
  try {
    const value = (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
    return value
      ? { ok: true, value }
      : { ok: false, problem: `${file} is empty`, mend: 'put the secret into the file' };
  } catch (error) {
    return {
      ok: false,
      problem: `${file} can not be read (${codeOf(error)})`,
      mend: 'mount the secret there, readable by this user',
    };
  }
}

/** The system's word for why a file can't be read, such as ENOENT. */
export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error);
