import type { z } from 'zod';
import type { Flaw, Way } from './errors.ts';
import { flawsOf } from './issues.ts';

export type Fields = { readonly [key: string]: unknown };

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `whole` is null where a field is wrong; `sound` has the fields that are not, so that one wrong field hides no other. */
export interface Read<T> {
  readonly whole: T | null;
  readonly sound: Partial<T>;
  readonly flaws: readonly Flaw[];
}

/** @param way where the value stands in the file */
export function read<S extends z.ZodObject>(schema: S, value: unknown, way: Way): Read<z.output<S>> {
  const result = schema.safeParse(value);
  if (result.success) return { whole: result.data, sound: result.data, flaws: [] };
  const sound = Object.entries(schema.shape).flatMap(([key, field]) => {
    const part = (field as z.ZodType).safeParse(isFields(value) ? value[key] : undefined);
    return part.success ? [[key, part.data]] : [];
  });
  return { whole: null, sound: Object.fromEntries(sound), flaws: flawsOf(result.error.issues, schema, value, way) };
}
