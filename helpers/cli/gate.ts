import { runFlags } from './flags.ts';
import { plan } from './list.ts';
import { factsFor, withoutPlatform } from './local-platform.ts';
import type { Output } from './output.ts';
import { type Aim, prepare } from './prepare.ts';
import { run } from './run.ts';
import { stopOnSignals } from './stop.ts';
import { UsageError } from './usage-error.ts';

/** The CI gate against a platform that is already deployed. */
export async function gate(argv: readonly string[], output: Output): Promise<number> {
  const flags = runFlags(argv, process.env);
  if (flags.phase === null)
    throw new UsageError('gate needs --phase FILE. fixtures/phases/template.yaml is one to begin with.');
  const aim: Aim = { phaseFile: flags.phase, flags, local: await factsFor(flags.phase), paths: [], pattern: null };
  const prepared = await prepare(aim, output).catch(async (error: unknown) => {
    throw await withoutPlatform(aim.phaseFile, error);
  });
  if (flags.list) {
    output.result(plan(prepared, flags));
    return 0;
  }
  using stop = stopOnSignals(flags.deadlineMs, output.progress);
  const { exitCode, text } = await run(prepared, aim, output, stop);
  output.result(text);
  return exitCode;
}
