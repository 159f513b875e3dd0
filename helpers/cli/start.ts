import { localTypes } from '../../fixtures/platform/platform.ts';
import { runFlags } from './flags.ts';
import { gate } from './gate.ts';
import { LOCAL_PHASE, localPlatform } from './local-platform.ts';
import type { Output } from './output.ts';
import { prepare } from './prepare.ts';
import { run } from './run.ts';
import { stopOnSignals } from './stop.ts';
import { UsageError } from './usage-error.ts';

/** The main job: the local platform up, validated, reported, and down again. With a phase file of another platform it is the gate. */
export async function start(argv: readonly string[], output: Output): Promise<number> {
  const flags = runFlags(argv, process.env);
  if (flags.phase !== null) return gate(argv, output);
  if (flags.list) throw new UsageError('start runs what it lists: use npm run gate -- --phase FILE --list');
  using stop = stopOnSignals(flags.deadlineMs, output.progress);
  await using local = await localPlatform(localTypes(), output, stop);
  const aim = { phaseFile: LOCAL_PHASE, flags, local, paths: [], pattern: null };
  const { exitCode, text } = await run(await prepare(aim, output), aim, output, stop);
  output.result(text);
  return exitCode;
}
