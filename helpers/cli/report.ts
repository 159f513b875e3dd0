import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import { compare } from '../../reports/compare.ts';
import { reportFiles } from '../../reports/files.ts';
import { judge } from '../../reports/judge.ts';
import { merge } from '../../reports/merge.ts';
import type { Evidence } from '../../reports/model.ts';
import { EvidenceSchema, type Parsed, parse, ReportSchema } from '../../reports/schemas.ts';
import { terminal } from '../../reports/terminal.ts';
import { EXIT_CODES } from '../../reports/words.ts';
import { evidenceText, writeAtomically } from '../evidence-file.ts';
import type { Output } from './output.ts';
import { readInput } from './read-input.ts';
import { shortest } from './run.ts';
import { UsageError } from './usage-error.ts';

/** Reports from recorded files; needs no platform and no network. */
export async function report(argv: readonly string[], output: Output): Promise<number> {
  const [verb, ...files] = argv;
  if (verb === 'render' && files.length === 1) return render(files[0] as string, output);
  if (verb === 'compare' && files.length === 2) return compareFiles(files[0] as string, files[1] as string, output);
  if (verb === 'merge' && files.length === 1) return mergeFolder(files[0] as string, output);
  throw new UsageError(
    'report takes: render EVIDENCE.json; compare A.json B.json (two report.json, the earlier first); merge DIR (with the evidence.json of every shard)',
  );
}

/** Writes the report beside its evidence. The same evidence gives the same bytes. */
function render(file: string, output: Output): number {
  return write(
    read(file, 'evidence.json', (content) => parse(EvidenceSchema, content)),
    dirname(file),
    output,
  );
}

function write(evidence: Evidence, out: string, output: Output): number {
  const judged = judge(evidence);
  for (const [name, text] of reportFiles(judged)) writeAtomically(join(out, name), text);
  output.result(terminal(judged, { colour: output.colour, out: shortest(out), width: output.columns }));
  return EXIT_CODES[judged.verdict];
}

/** Joins the shards under a folder; the whole's evidence and report are written into it. */
function mergeFolder(folder: string, output: Output): number {
  if (!existsSync(folder))
    throw new UsageError(`${folder}: no such folder. Give the one that holds a folder for each shard.`);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.includes(sep) && basename(name) === 'evidence.json')
    .map((name) => join(folder, name));
  // `latest` links to one of the others.
  const unique = [...new Set(files.map((file) => realpathSync(file)))];
  const merged = merge(unique.map((file) => read(file, 'evidence.json', (content) => parse(EvidenceSchema, content))));
  if (!merged.ok) throw new UsageError(`${folder}: ${merged.problem}`);
  writeAtomically(join(folder, 'evidence.json'), evidenceText(merged.evidence));
  return write(merged.evidence, folder, output);
}

function compareFiles(before: string, after: string, output: Output): number {
  const readReport = (file: string) => read(file, 'report.json', (content) => parse(ReportSchema, content));
  output.result(JSON.stringify(compare(readReport(before), readReport(after)), null, 2));
  return 0;
}

function read<T>(file: string, what: string, parseContent: (content: string) => Parsed<T>): T {
  const parsed = parseContent(readInput(file, `the ${what} of a run`));
  if (!parsed.ok) throw new UsageError(`${file}: ${parsed.problem}. Give the ${what} of a run.`);
  return parsed.value;
}
