import { pauseProcess, resumeProcess } from '../../fixtures/faults/process.ts';

/** What a disruptive check may do to the platform under it. */
export interface Disruption {
  /** Stops a process of the platform as a stalled node does; disposing lets it go on. @param name such as kafka-2 */
  pause(name: string): Promise<AsyncDisposable>;
}

/** Process ids of one service of the local platform by name. */
export type Processes = Readonly<Record<string, number>>;

/** Disrupts a service of the local platform; null: it is none, and we know no way to disturb what runs elsewhere. */
export function localDisruption(processes: Processes = {}): Disruption | null {
  const names = Object.keys(processes);
  if (names.length === 0) return null;
  return {
    async pause(name) {
      const pid = processes[name];
      if (pid === undefined) throw new TypeError(`the local service runs no ${name}: it runs ${names.join(', ')}`);
      return pauseProcess(pid);
    },
  };
}

/** Lets everything go on that a check which was cut short may have left standing still. */
export function endDisruption(services: Readonly<Record<string, Processes>>): void {
  for (const pid of Object.values(services).flatMap((each) => Object.values(each))) resumeProcess(pid);
}
