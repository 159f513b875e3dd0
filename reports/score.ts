import { inProportion, lcm, percent, percentDown } from './exact.ts';
import { LEVEL_WEIGHTS, type Level, type Status } from './model.ts';

/** One check as the score sees it. */
export interface ScoreLine {
  readonly level: Level;
  readonly status: Status;
  /** Thousandths of its points that a pass earned. */
  readonly earned: number;
  /** False: the run's selection left it out, so it declares no points. */
  readonly selected: boolean;
}

export interface ScoreComponent {
  readonly weight: number;
  readonly lines: readonly ScoreLine[];
}

/** Every figure is a share of `declared`; together they are exact. */
export interface Score {
  readonly declared: bigint;
  readonly earned: bigint;
  readonly observed: bigint;
  readonly deferred: bigint;
  readonly components: readonly ComponentScore[];
}

export interface ComponentScore {
  readonly declared: bigint;
  readonly earned: bigint;
  /** What the component declares although no check of it applies: a component skipped whole keeps its weight. */
  readonly unearnable: bigint;
  readonly lines: readonly { readonly points: bigint; readonly earned: bigint }[];
}

/**
 * points(check) = W(component) · L(level) / ΣL(levels of the component) / n(checks of the level that are not skipped)
 *
 * Skipped leaves the sum, a level skipped whole with it; a component skipped whole keeps its weight and earns nothing. What is
 * not selected declares nothing. Passed earns, all else stays in the sum and earns nothing: what was not seen can't raise a score.
 */
export function score(components: readonly ScoreComponent[]): Score {
  const weights = inProportion(components.map(({ weight }) => weight));
  const shapes = components.map(({ lines }) => shapeOf(lines));
  // Divisible by every level sum times every count times a thousandth: no division below leaves a rest.
  const unit =
    1_000n *
    common(shapes.flatMap(({ counts }) => [...counts.values()])) *
    common(shapes.map(({ levelSum }) => levelSum));

  const scored = components.map(({ lines }, index): ComponentScore => {
    const { levelSum, counts, selectedSum } = shapes[index] as Shape;
    const whole = (weights[index] as bigint) * unit;
    const points = lines.map((line) => {
      const count = counts.get(line.level) ?? 0n;
      if (!line.selected || line.status === 'skipped' || count === 0n) return { points: 0n, earned: 0n };
      const worth = (whole * BigInt(LEVEL_WEIGHTS[line.level])) / levelSum / count;
      return { points: worth, earned: line.status === 'passed' ? (worth * BigInt(line.earned)) / 1_000n : 0n };
    });
    const applies = lines.some((line) => line.selected && line.status !== 'skipped');
    const unearnable = applies ? 0n : lines.length === 0 ? whole : (whole * selectedSum) / levelSum;
    const declared = points.reduce((sum, line) => sum + line.points, unearnable);
    return { declared, earned: points.reduce((sum, line) => sum + line.earned, 0n), unearnable, lines: points };
  });

  const sumWhere = (wanted: (line: ScoreLine) => boolean): bigint =>
    components.reduce(
      (sum, { lines }, c) =>
        lines.reduce((s, line, i) => s + (wanted(line) ? (scored[c]?.lines[i]?.points ?? 0n) : 0n), sum),
      0n,
    );
  return {
    declared: scored.reduce((sum, each) => sum + each.declared, 0n),
    earned: scored.reduce((sum, each) => sum + each.earned, 0n),
    observed: sumWhere(({ status }) => status === 'passed' || status === 'failed'),
    deferred: sumWhere(({ status }) => status === 'deferred'),
    components: scored,
  };
}

const common = (parts: readonly bigint[]): bigint => [...new Set(parts)].filter((part) => part > 0n).reduce(lcm, 1n);

interface Shape {
  /** Sum of the weights of the levels that the component's suite has. */
  readonly levelSum: bigint;
  /** The part of it in which something is selected. */
  readonly selectedSum: bigint;
  /** Checks by level that share its bucket. */
  readonly counts: ReadonlyMap<Level, bigint>;
}

function shapeOf(lines: readonly ScoreLine[]): Shape {
  const sum = (levels: Iterable<Level>): bigint =>
    [...new Set(levels)].reduce((total, level) => total + BigInt(LEVEL_WEIGHTS[level]), 0n);
  const counts = new Map<Level, bigint>();
  for (const { level, status } of lines) if (status !== 'skipped') counts.set(level, (counts.get(level) ?? 0n) + 1n);
  return {
    levelSum: sum(lines.map(({ level }) => level)),
    selectedSum: sum(lines.filter(({ selected }) => selected).map(({ level }) => level)),
    counts,
  };
}

/** The figures of the report, each rounded down to a tenth: 100.0 only if everything passed. */
export function figures({ declared, earned, observed, deferred }: Score): {
  value: number;
  coverage: number;
  quality: number;
  attainable: number;
  atBest: number;
} {
  return {
    value: percentDown(earned, declared),
    coverage: percentDown(observed, declared),
    quality: percentDown(earned, observed),
    attainable: percentDown(declared - deferred, declared),
    atBest: percentDown(earned + declared - observed, declared),
  };
}

/** Points of 100, to be added up. */
export const pointsOf = (part: bigint, { declared }: Pick<Score, 'declared'>): number => percent(part, declared);
