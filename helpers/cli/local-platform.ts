import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { type LocalPlatform, localService, localTypes, running, up } from '../../fixtures/platform/platform.ts';
import { ROOT } from '../catalogue.ts';
import type { Output } from './output.ts';
import { elsewhere, type LocalFacts } from './prepare.ts';
import type { Stop } from './stop.ts';
import { UsageError } from './usage-error.ts';

export const LOCAL_PHASE = join(ROOT, 'fixtures', 'phases', 'local.yaml');

/** Brings up what the run needs of the local platform. What the run itself started goes down when it is disposed of. */
export async function localPlatform(
  types: readonly string[],
  output: Output,
  stop: Stop,
): Promise<LocalFacts & AsyncDisposable> {
  const platform = await up(types, { progress: output.progress, signal: stop.signal, keep: false });
  return { ...(await factsOf(platform, process.env)), [Symbol.asyncDispose]: () => platform.down() };
}

/**
 * What a gate knows of this machine's platform: nothing, unless its phase file says `local: true` and a platform was kept up. A phase
 * file for another platform never gets the local one's addresses, whatever its variables are called.
 */
export async function factsFor(phaseFile: string): Promise<LocalFacts> {
  const platform = isLocal(phaseFile) ? await running() : null;
  return platform ? factsOf(platform, {}, process.env) : elsewhere(process.env);
}

/** One line in place of one for each address that nobody set, where that is for want of the whole platform. */
export async function withoutPlatform(phaseFile: string, error: unknown): Promise<unknown> {
  const unset = error instanceof UsageError && error.lines.every((line) => line.includes('is not set'));
  if (!unset || !isLocal(phaseFile) || (await running()) !== null) return error;
  return new UsageError(
    `${phaseFile}: the local platform is not up. Bring it up by npm run local -- up, or use npm start.`,
  );
}

function isLocal(phaseFile: string): boolean {
  try {
    return parseDocument(readFileSync(phaseFile, 'utf8')).get('local') === true;
  } catch {
    return false;
  }
}

async function factsOf(
  { services, exports }: LocalPlatform,
  under: NodeJS.ProcessEnv,
  over: NodeJS.ProcessEnv = {},
): Promise<LocalFacts> {
  const there = new Set(services.map(({ type }) => type));
  const placeholders: Record<string, string> = {};
  for (const type of localTypes())
    if (!there.has(type))
      for (const [name, { placeholder }] of Object.entries((await localService(type)).exports))
        placeholders[name] = placeholder;
  return {
    env: { ...under, ...placeholders, ...exports, ...over },
    missing: new Map(services.flatMap(({ type, remedy }) => (remedy === null ? [] : [[type, remedy] as const]))),
    processes: Object.fromEntries(
      services.flatMap(({ processes }) => processes.map(({ name, pid }) => [name, pid] as const)),
    ),
  };
}
