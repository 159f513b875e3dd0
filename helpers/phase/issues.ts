import { z } from 'zod';
import { type Flaw, fieldOf, type Way } from './errors.ts';
import { instead } from './suggest.ts';

type Schema = z.core.$ZodType;
type Issue = z.core.$ZodIssue;

const KINDS: { readonly [expected: string]: string } = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

function kindOf(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  return KINDS[typeof value] ?? typeof value;
}

const at = (value: unknown, way: Way): unknown =>
  way.reduce<unknown>(
    (inner, step) =>
      inner && typeof inner === 'object' ? (inner as Record<string | number, unknown>)[step] : undefined,
    value,
  );

/** The schema inside what makes it optional or an alternative, and the description that stands nearest to it. */
function unwrap(schema: Schema | undefined): { schema: Schema | undefined; about: string | undefined } {
  let inner = schema;
  let about: string | undefined;
  for (;;) {
    about ??= inner && z.globalRegistry.get(inner)?.description;
    if (
      inner instanceof z.ZodOptional ||
      inner instanceof z.ZodDefault ||
      inner instanceof z.ZodPrefault ||
      inner instanceof z.ZodNullable
    )
      inner = inner.unwrap();
    else if (inner instanceof z.ZodUnion) inner = inner.options.find((option) => option instanceof z.ZodObject);
    else return { schema: inner, about };
  }
}

/** What the schema knows of a field: its description (or that of what it is in), and the keys it may have where it is a map. */
function look(schema: Schema, way: Way): { about: string; keys: readonly string[] } {
  let here = unwrap(schema);
  for (const step of way) {
    const outer = here.schema;
    const next =
      outer instanceof z.ZodObject
        ? outer.shape[step]
        : outer instanceof z.ZodRecord
          ? outer.valueType
          : outer instanceof z.ZodArray
            ? outer.element
            : undefined;
    const inner = unwrap(next);
    here = { schema: inner.schema, about: inner.about ?? here.about };
  }
  return {
    about: here.about ?? 'another value',
    keys: here.schema instanceof z.ZodObject ? Object.keys(here.schema.shape) : [],
  };
}

/** The alternative of a union that was meant: the one that fails inside and not as a whole. */
const meant = (issue: z.core.$ZodIssueInvalidUnion): readonly Issue[] | undefined =>
  issue.errors.find(
    (branch) => branch.length > 0 && branch.every(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'),
  );

/** What zod found, in the words of whoever writes phase files. Values are never quoted. */
export function flawsOf(issues: readonly Issue[], schema: Schema, value: unknown, base: Way): Flaw[] {
  return issues.flatMap((issue) => explain(issue, schema, value, base));
}

function explain(issue: Issue, schema: Schema, value: unknown, base: Way): Flaw[] {
  const inner = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  if (inner[0] === 'credentials' && inner[1] === 'password') return [passwordFlaw(at(value, inner.slice(0, 2)), base)];
  const way = [...base, ...inner];
  const found = at(value, inner);
  const { about, keys } = look(schema, inner);
  const name = way.findLast((step) => typeof step === 'string');
  const mend = name === undefined ? `write ${about}` : `give ${name}: ${about}`;
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      way: [...way, key],
      at: 'key',
      problem: `is not a field of ${way.length > 0 ? fieldOf(way) : 'a phase'}`,
      mend: instead(key, keys, 'known fields'),
    }));
  if (issue.code === 'invalid_union') {
    const branch = meant(issue);
    if (branch)
      return branch.flatMap((each) => explain({ ...each, path: [...issue.path, ...each.path] }, schema, value, base));
  }
  if (found === undefined) return [{ way, problem: 'is missing', mend }];
  switch (issue.code) {
    case 'invalid_type':
      return [typeFlaw(way, issue.expected, found, mend)];
    case 'invalid_union':
      return [{ way, problem: `can not be ${kindOf(found)}`, mend }];
    case 'invalid_value': {
      const values = issue.values.map(String);
      return [
        {
          way,
          problem: `must be ${values.length > 1 ? 'one of ' : ''}${values.join(', ')}`,
          mend: values.length > 1 ? instead(String(found), values, 'known values') : mend,
        },
      ];
    }
    case 'too_small':
      return [
        {
          way,
          problem:
            issue.origin === 'number' || issue.origin === 'int' ? `must be at least ${issue.minimum}` : 'is empty',
          mend,
        },
      ];
    case 'too_big':
      return [{ way, problem: `must be at most ${issue.maximum}`, mend }];
    case 'invalid_key':
      return [{ way, at: 'key', problem: issue.issues[0]?.message ?? issue.message, mend: 'write it so' }];
    default:
      return [{ way, problem: issue.message, mend }];
  }
}

function typeFlaw(way: Way, expected: string, found: unknown, mend: string): Flaw {
  const wanted = KINDS[expected] ?? expected;
  if (typeof found === 'number' && expected === 'int') return { way, problem: `must be ${wanted}`, mend };
  const numeric = expected === 'number' || expected === 'int';
  const hint = numeric && typeof found === 'string' ? `, as a number: quotes and \${…} make text` : '';
  return { way, problem: `must be ${wanted}, is ${kindOf(found)}`, mend: `${mend}${hint}` };
}

function passwordFlaw(found: unknown, base: Way): Flaw {
  const isMap = typeof found === 'object' && found !== null;
  const problem =
    found === undefined ? 'is missing' : isMap ? 'must say where the secret is' : 'must not be the secret itself';
  return {
    way: [...base, 'credentials', 'password'],
    problem,
    mend: 'write password: { env: NAME } or password: { file: path }',
  };
}
