import { runFlags } from './flags.ts';
import { gate } from './gate.ts';
import { isLocal, LOCAL_PHASE, localPlatform } from './local-platform.ts';
import type { Output } from './output.ts';
import { prepare } from './prepare.ts';
import { run } from './run.ts';
import { stopOnSignals } from './stop.ts';
import { UsageError } from './usage-error.ts';

/** The main job: the local platform up, validated, reported, and down again. With a phase file of another platform it is the gate. */
export async function start(argv: readonly string[], output: Output): Promise<number> {
  const flags = runFlags(argv, process.env);
  const phaseFile = flags.phase ?? LOCAL_PHASE;
  if (flags.phase !== null && !isLocal(phaseFile)) return gate(argv, output);
  if (flags.list) throw new UsageError('start runs what it lists: use npm run gate -- --phase FILE --list');
  using stop = stopOnSignals(flags.deadlineMs, output.progress);
  await using local = await localPlatform(phaseFile, flags.only.length > 0 ? flags.only : null, output, stop);
  const aim = { phaseFile, flags, local, paths: [], pattern: null };
  const { exitCode, text } = await run(await prepare(aim, output), aim, output, stop);
  output.result(text);
  return exitCode;
}
