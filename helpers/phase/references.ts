import type { Catalogue, Waiver } from '../../reports/model.ts';
import type { Flaw, Way } from './errors.ts';
import { closest, instead } from './suggest.ts';

/** Ids that name no component of the phase. */
export function unknownIds(ids: readonly string[], known: readonly string[], way: Way): Flaw[] {
  return ids.flatMap((id, index) =>
    known.includes(id)
      ? []
      : {
          way: [...way, index],
          problem: `${id} is not a component of this phase`,
          mend: instead(id, known, 'its components'),
        },
  );
}

/** One flaw for each cycle of needs, at the needs of its component that stands first in the file. */
export function cyclicNeeds(needs: ReadonlyMap<string, readonly string[]>): Flaw[] {
  const flaws: Flaw[] = [];
  const done = new Set<string>();
  const visit = (id: string, trail: readonly string[]): void => {
    const since = trail.indexOf(id);
    if (since >= 0) {
      const cycle = [...trail.slice(since), id];
      flaws.push({
        way: ['components', cycle[0] ?? id, 'needs'],
        problem: `is a cycle: ${cycle.join(' needs ')}`,
        mend: 'take one of these needs out; no component could ever be looked at',
      });
      return;
    }
    if (done.has(id)) return;
    for (const next of needs.get(id) ?? []) visit(next, [...trail, id]);
    done.add(id);
  };
  for (const id of needs.keys()) visit(id, []);
  return flaws;
}

/** Addresses that two components claim: `addresses` is where each stands and what it is. */
export function sharedEndpoints(addresses: readonly { component: string; way: Way; address: string }[]): Flaw[] {
  return addresses.flatMap(({ component, way, address }, index) => {
    const owner = addresses
      .slice(0, index)
      .find((before) => before.address === address && before.component !== component);
    if (!owner) return [];
    return {
      way,
      problem: `is the endpoint of ${owner.component} too`,
      mend: `give ${component} its own; one of the two is a copy`,
    };
  });
}

const LOOPBACK = /^(\w+:\/\/)?(localhost|127\.|\[::1\])/;

/** Nothing here opens a forward: a phase that is reached by one has its near ends as endpoints. */
export const unforwarded = (addresses: readonly { way: Way; address: string }[]): Flaw[] =>
  addresses
    .filter(({ address }) => !LOOPBACK.test(address))
    .map(({ way }) => ({
      way,
      problem: 'is not the near end of a port-forward, which target.path says that it is',
      mend: 'run kubectl port-forward and give its 127.0.0.1:PORT, or say direct or in-cluster',
    }));

/** Whether a waiver's `checks` names this check id. */
const matches = (checks: string, id: string): boolean =>
  checks.endsWith('.*') ? id.startsWith(checks.slice(0, -1)) : id === checks;

/** A waiver that waives nothing is a typing error, or left over from a check that was retired. */
export function idleWaiver(checks: string, types: readonly string[], catalogue: Catalogue, way: Way): Flaw[] {
  const ids = types.flatMap((type) => catalogue[type] ?? []).map(({ id }) => id);
  if (ids.some((id) => matches(checks, id))) return [];
  const prefixes = [...new Set(ids.map((id) => `${id.split('.')[0]}.*`))];
  const meant = closest(checks, [...ids, ...prefixes]);
  const mend = meant === null ? `write a check id, or a prefix as in ${prefixes.join(', ')}` : `did you mean ${meant}?`;
  return [{ way: [...way, 'checks'], problem: `${checks} matches no check of this phase's components`, mend }];
}

/** Milliseconds at which a waiver ends: a date holds to the end of its day, UTC. */
export const endOf = ({ expires }: Pick<Waiver, 'expires'>): number =>
  expires.includes('T') ? Date.parse(expires) : Date.parse(`${expires}T23:59:59.999Z`);
