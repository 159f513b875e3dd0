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

/**
 * Brings up what a local phase needs. What the run itself started goes down when it is disposed of.
 * @param only components by id or by type; null: all
 * @param besides local services that the phase does not name
 */
export async function localPlatform(
  phaseFile: string,
  only: readonly string[] | null,
  output: Output,
  stop: Stop,
  besides: readonly string[] = [],
): Promise<LocalFacts & AsyncDisposable> {
  const parts = await partsOf(phaseFile, only);
  const services = new Set([...[...parts.values()].flat(), ...besides]);
  const platform = await up([...services], { progress: output.progress, signal: stop.signal, keep: false });
  return { ...(await factsOf(platform, parts, process.env)), [Symbol.asyncDispose]: () => platform.down() };
}

/**
 * What a gate knows of this machine's platform: nothing, unless its phase file says `local: true` and a platform was kept up. A phase
 * file for another platform never gets the local one's addresses, whatever its variables are called.
 */
export async function factsFor(phaseFile: string): Promise<LocalFacts> {
  const platform = isLocal(phaseFile) ? await running() : null;
  return platform ? factsOf(platform, await partsOf(phaseFile, null), {}, process.env) : elsewhere(process.env);
}

/** One line in place of one for each address that nobody set, where that is for want of the whole platform. */
export async function withoutPlatform(phaseFile: string, error: unknown): Promise<unknown> {
  const unset = error instanceof UsageError && error.lines.every((line) => line.includes('is not set'));
  if (!unset || !isLocal(phaseFile) || (await running()) !== null) return error;
  return new UsageError(
    `${phaseFile}: the local platform is not up. Bring it up by npm run local -- up, or use npm start.`,
  );
}

/** True: the phase is one of the platform that this suite starts itself. A file that can't be read is told of when it is loaded. */
export const isLocal = (phaseFile: string): boolean => outline(phaseFile).local === true;

/** The local services that a phase is about. */
export const servicesOf = async (phaseFile: string): Promise<string[]> => [
  ...new Set([...(await partsOf(phaseFile, null)).values()].flat()),
];

/** Component's id to local services. */
type Parts = ReadonlyMap<string, readonly string[]>;

/** A component is of the services to whose variables it refers; one that refers to none is of the phase's cluster. */
async function partsOf(phaseFile: string, only: readonly string[] | null): Promise<Parts> {
  const { components, cluster } = outline(phaseFile);
  const definitions = await Promise.all(localTypes().map(localService));
  const referred = (part: unknown): string[] => {
    const words = new Set(JSON.stringify(part ?? null).match(/\w+/g));
    return definitions
      .filter(({ exports }) => Object.keys(exports).some((name) => words.has(name)))
      .map((each) => each.type);
  };
  const ofCluster = referred(cluster);
  return new Map(
    Object.entries(components ?? {})
      .filter(([id, component]) => only === null || only.includes(id) || only.includes(component?.type ?? id))
      .map(([id, component]) => {
        const own = referred(component);
        return [id, own.length > 0 ? own : ofCluster];
      }),
  );
}

/** What a phase file says before it is checked. */
function outline(phaseFile: string): {
  local?: unknown;
  cluster?: unknown;
  components?: Record<string, { type?: string } | null> | null;
} {
  try {
    return parseDocument(readFileSync(phaseFile, 'utf8')).toJS() ?? {};
  } catch {
    return {};
  }
}

async function factsOf(
  { services, exports }: LocalPlatform,
  parts: Parts,
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
    missing: new Map(
      [...parts].flatMap(([id, own]) => {
        const remedies = services.flatMap(({ type, remedy }) => (own.includes(type) ? (remedy ?? []) : []));
        return remedies.length > 0 ? [[id, remedies.join('; ')] as const] : [];
      }),
    ),
    processes: Object.fromEntries(
      [...parts].map(([id, own]) => {
        const processes = services.flatMap((each) => (own.includes(each.type) ? each.processes : []));
        return [id, Object.fromEntries(processes.map(({ name, pid }) => [name, pid]))];
      }),
    ),
  };
}
