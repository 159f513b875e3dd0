import { pauseProcess, resumeProcess } from '../../fixtures/faults/process.ts';

/** What a disruptive check may do to the platform under it. */
export interface Disruption {
  /** Stops a process of the platform as a stalled node does; disposing lets it go on. @param name such as kafka-2 */
  pause(name: string): Promise<AsyncDisposable>;
  /** Kills a process of the platform as a crash does, and starts it again on its data. Resolves before it answers. @param name such as neo4j-1 */
  restart(name: string): Promise<void>;
}

/** Process ids of one service of the local platform by name. */
export type Processes = Readonly<Record<string, number>>;

/** Disrupts a service of the local platform; null: it is none, and we know no way to disturb what runs elsewhere. */
export function localDisruption(processes: Processes = {}): Disruption | null {
  const names = Object.keys(processes);
  if (names.length === 0) return null;
  const pidOf = (name: string): number => {
    const pid = processes[name];
    if (pid === undefined) throw new TypeError(`the local service runs no ${name}: it runs ${names.join(', ')}`);
    return pid;
  };
  return {
    pause: async (name) => pauseProcess(pidOf(name)),
    async restart(name) {
      const { restart } = await import('../../fixtures/platform/platform.ts');
      await restart(pidOf(name));
    },
  };
}

/** Lets everything go on that a check which was cut short may have left standing still. */
export function endDisruption(services: Readonly<Record<string, Processes>>): void {
  for (const pid of Object.values(services).flatMap((each) => Object.values(each))) resumeProcess(pid);
}
