import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LEVELS, STATUSES } from './model.ts';
import { figures, type ScoreComponent, type ScoreLine, score } from './score.ts';

const line = fc.record<ScoreLine>({
  level: fc.constantFrom(...LEVELS),
  status: fc.constantFrom(...STATUSES),
  earned: fc.integer({ min: 500, max: 1_000 }),
  selected: fc.boolean(),
});
const platform = fc.array(
  fc.record<ScoreComponent>({
    weight: fc.integer({ min: 1, max: 400 }).map((n) => n / 8),
    lines: fc.array(line, { maxLength: 12 }),
  }),
  { minLength: 1, maxLength: 6 },
);

/** S as a fraction, compared without rounding. */
const notAbove = (a: ReturnType<typeof score>, b: ReturnType<typeof score>): boolean =>
  a.earned * b.declared <= b.earned * a.declared;

const replace = (
  components: readonly ScoreComponent[],
  c: number,
  l: number,
  change: Partial<ScoreLine>,
): ScoreComponent[] =>
  components.map((component, i) =>
    i === c
      ? { ...component, lines: component.lines.map((each, j) => (j === l ? { ...each, ...change } : each)) }
      : component,
  );

/** A platform and one of its selected lines that is not skipped. */
const platformAndLine = platform.chain((components) => {
  const places = components.flatMap(({ lines }, c) =>
    lines.flatMap((each, l) => (each.selected && each.status !== 'skipped' ? [{ c, l }] : [])),
  );
  return places.length === 0 ? fc.constant(null) : fc.constantFrom(...places).map(({ c, l }) => ({ components, c, l }));
});

describe('the score', () => {
  test('what was lost and what was earned sum to what was declared, without a rest', () => {
    fc.assert(
      fc.property(platform, (components) => {
        const all = score(components);
        for (const part of all.components) {
          const lost = part.lines.reduce((sum, each) => sum + each.points - each.earned, part.unearnable);
          expect(lost + part.earned).toBe(part.declared);
        }
        expect(all.components.reduce((sum, part) => sum + part.declared, 0n)).toBe(all.declared);
      }),
    );
  });

  test.each(['failed', 'blocked', 'unobserved', 'deferred'] as const)(
    'a check that turns %s never raises it',
    (status) => {
      fc.assert(
        fc.property(platformAndLine, (found) => {
          fc.pre(found !== null);
          const { components, c, l } = found;
          expect(notAbove(score(replace(components, c, l, { status })), score(components))).toBe(true);
        }),
      );
    },
  );

  test('the order of components and checks never matters', () => {
    fc.assert(
      fc.property(platform, (components) => {
        const turned = [...components].reverse().map((each) => ({ ...each, lines: [...each.lines].reverse() }));
        expect(figures(score(turned))).toEqual(figures(score(components)));
      }),
    );
  });

  test('the levels of a component share its weight, whatever is skipped keeps the others in proportion', () => {
    fc.assert(
      fc.property(platform, (components) => {
        const all = score(
          components.map((each) => ({
            ...each,
            lines: each.lines.map((l) => ({ ...l, status: 'failed' as const, selected: true })),
          })),
        );
        const weights = components.reduce((sum, { weight }) => sum + weight * 8, 0);
        components.forEach(({ weight }, c) => {
          expect((all.components[c]?.declared ?? 0n) * BigInt(weights)).toBe(all.declared * BigInt(weight * 8));
        });
      }),
    );
  });

  test('a component skipped whole keeps its weight and earns nothing', () => {
    fc.assert(
      fc.property(platform, (components) => {
        const whole: ScoreComponent = {
          weight: 7,
          lines: LEVELS.map((level) => ({ level, status: 'skipped', earned: 1_000, selected: true })),
        };
        const part = score([...components, whole]).components.at(-1);
        expect(part?.earned).toBe(0n);
        expect(part?.declared).toBeGreaterThan(0n);
        expect(part?.declared).toBe(part?.unearnable);
      }),
    );
  });

  test('S is Q times C, 100.0 only where all passed, and no bound is below it', () => {
    fc.assert(
      fc.property(platform, (components) => {
        const all = score(components);
        const { value, coverage, quality, atBest, attainable } = figures(all);
        expect(Math.abs(value - (quality * coverage) / 100)).toBeLessThan(0.31);
        expect(atBest).toBeGreaterThanOrEqual(value);
        expect(attainable).toBeGreaterThanOrEqual(value);
        expect(value === 100).toBe(all.declared > 0n && all.earned === all.declared);
      }),
    );
  });

  test('a hundred easy checks of a level buy what one does', () => {
    const easy: ScoreLine = { level: 'hygiene', status: 'passed', earned: 1_000, selected: true };
    const hard: ScoreLine = { level: 'round-trip', status: 'failed', earned: 0, selected: true };
    const one = score([{ weight: 1, lines: [easy, hard] }]);
    const hundred = score([{ weight: 1, lines: [...Array<ScoreLine>(100).fill(easy), hard] }]);
    expect(figures(hundred)).toEqual(figures(one));
  });
});
