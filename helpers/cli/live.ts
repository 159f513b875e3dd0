import type { Catalogue, CheckRecord, Component, DoorRecord } from '../../reports/model.ts';
import { seconds } from '../../reports/words.ts';
import type { Output } from './output.ts';

/** What is under way, for a person who watches: a line for each component, side by side. */
export interface Live {
  doors(doors: readonly DoorRecord[]): void;
  record(record: CheckRecord): void;
  end(): void;
}

export function live(components: readonly Component[], catalogue: Catalogue, output: Output): Live {
  const began = performance.now();
  const seen = new Map<string, CheckRecord[]>();
  let doors: readonly DoorRecord[] = [];
  const width = Math.max(...components.map(({ title }) => title.length));

  const line = ({ id, type, title }: Component): string => {
    const records = seen.get(id) ?? [];
    const total = catalogue[type]?.length ?? 0;
    const door = doors.find(({ component }) => component === id);
    const of = (status: string): number => records.filter(({ outcome }) => outcome.status === status).length;
    const counts = ['failed', 'blocked', 'unobserved'].flatMap((status) =>
      of(status) > 0 ? [`${of(status)} ${status}`] : [],
    );
    const last = records.at(-1);
    const by = last?.outcome.status === 'blocked' ? `by ${last.outcome.by.component}/${last.outcome.by.check}` : '';
    const now =
      door === undefined
        ? 'at the door'
        : records.length === total
          ? 'done'
          : by || (last ? `after ${last.check}` : `door ${door.state}`);
    return `  ${title.padEnd(width)}  ${String(records.length).padStart(3)}/${total}  ${[...counts, now].join(', ')}`;
  };
  const paint = (): void => output.block([...components.map(line), `  ${seconds(performance.now() - began)}`]);
  const timer = output.watched ? setInterval(paint, 250) : null;
  return {
    doors(all) {
      doors = all;
      paint();
    },
    record(record) {
      seen.set(record.component, [...(seen.get(record.component) ?? []), record]);
      paint();
    },
    end() {
      if (timer) clearInterval(timer);
      output.block([]);
    },
  };
}
