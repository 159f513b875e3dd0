import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { type Report, type TrendPoint, VERDICTS } from '../reports/model.ts';
import { writeAtomically } from './evidence-file.ts';

/** Runs that a history keeps, and that a report shows. */
const KEPT = 500;
const SHOWN = 30;

const Entry = z.object({
  /** What must be the same for two scores to be points of one curve. */
  phase: z.string(),
  catalogue: z.string(),
  run: z.string(),
  startedAt: z.string(),
  verdict: z.enum(VERDICTS),
  score: z.number(),
  coverage: z.number(),
});
type Entry = z.infer<typeof Entry>;

function entries(file: string): Entry[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        const entry = Entry.safeParse(JSON.parse(line));
        return entry.success ? [entry.data] : [];
      } catch {
        return [];
      }
    });
}

/** The last full runs of this phase and catalogue, oldest first. */
export function trend(file: string, phase: string, catalogue: string): TrendPoint[] {
  return entries(file)
    .filter((entry) => entry.phase === phase && entry.catalogue === catalogue)
    .slice(-SHOWN)
    .map(({ run, startedAt, verdict, score, coverage }) => ({ run, startedAt, verdict, score, coverage }));
}

/** Adds a run. A run that was cut short or selected part of the promise is no point of the curve. */
export function remember(file: string, { run, phase, tool, verdict, score }: Report): void {
  if (!run.complete || run.scope !== null || verdict === 'no-verdict') return;
  const entry: Entry = {
    phase: phase.sha256,
    catalogue: tool.catalogue,
    run: run.id,
    startedAt: run.startedAt,
    verdict,
    score: score.value,
    coverage: score.coverage,
  };
  mkdirSync(dirname(file), { recursive: true });
  appendFileSync(file, `${JSON.stringify(entry)}\n`);
  const all = entries(file);
  if (all.length > KEPT)
    writeAtomically(
      file,
      all
        .slice(-KEPT)
        .map((each) => `${JSON.stringify(each)}\n`)
        .join(''),
    );
}
