import { local } from '../../fixtures/platform/cli.ts';
import { LOCAL_PHASE, servicesOf } from './local-platform.ts';
import type { Output } from './output.ts';
import { stopOnSignals } from './stop.ts';

/** The local platform by itself. */
export async function localCommand(argv: readonly string[], output: Output): Promise<number> {
  using stop = stopOnSignals(null, output.progress);
  try {
    return await local(
      argv,
      { stdout: output.result, stderr: output.progress },
      stop.signal,
      await servicesOf(LOCAL_PHASE),
    );
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    return 3;
  }
}
