import { suite } from '../../helpers/check/suite.ts';
import { bytes, leastFree, thresholdEnabled, WATERMARKS } from '../../helpers/connect/elasticsearch/watermarks.ts';
import { service, settingsOf } from '../../helpers/connect/elasticsearch.ts';
import { scratchOwner } from '../../helpers/scratch.ts';

const check = suite(service);

const GB = 1024 ** 3;
const inGb = (size: number): string => `${Math.round((size / GB) * 100) / 100} GiB`;

check(
  'elasticsearch.disk.watermarks',
  {
    level: 'durability',
    claim: 'The disk of every node with data is below the low watermark, and the watermarks are in force',
    otherwise: {
      class: 'volume',
      remedy:
        'free space or enlarge the volume; on a small one give watermarks as sizes (cluster.routing.allocation.disk.watermark.low: 2gb)',
    },
  },
  async ({ elasticsearch: { api }, fail, observe, signal }) => {
    const [{ nodes }, { persistent, transient, defaults = {} }] = await Promise.all([
      api.nodes.stats({ metric: 'fs', node_id: 'data:true' }, { signal }),
      api.cluster.getSettings({ include_defaults: true, flat_settings: true }, { signal }),
    ]);
    const settings = { ...defaults, ...persistent, ...transient };
    const disks = Object.values(nodes).map(({ name = '', fs }) => {
      const total = fs?.total?.total_in_bytes ?? 0;
      const free = fs?.total?.available_in_bytes ?? 0;
      return { name, total, free, over: WATERMARKS.filter((each) => free < leastFree(settings, each, total)) };
    });
    observe(
      Object.fromEntries(disks.map(({ name, total, free }) => [name, `${inGb(free)} of ${inGb(total)} are free`])),
    );
    if (!thresholdEnabled(settings))
      fail({
        class: 'misconfigured',
        cause: 'the watermarks are switched off: nothing stops an index before the disk is full',
        remedy: 'set cluster.routing.allocation.disk.threshold_enabled back to true',
        evidence: 'cluster.routing.allocation.disk.threshold_enabled: false',
      });
    const full = disks.filter(({ over }) => over.length > 0);
    const [worst] = full.toSorted((a, b) => b.over.length - a.over.length);
    if (worst) {
      const watermark = worst.over.at(-1) ?? 'low';
      fail({
        cause: `the disk of ${worst.name} is over the ${watermark} watermark: ${CONSEQUENCE[watermark]}`,
        evidence: full
          .map(
            ({ name, total, free, over }) =>
              `${name}: ${inGb(free)} of ${inGb(total)} are free, ${over.map((each) => `${each} asks for ${inGb(leastFree(settings, each, total))}`).join(', ')}`,
          )
          .join('; '),
        ...(full.length === 1 ? { subject: worst.name } : {}),
      });
    }
    return { lowWatermark: String(settings['cluster.routing.allocation.disk.watermark.low']) };
  },
);

/** Source: the reference, "Disk-based shard allocation settings". */
const CONSEQUENCE = {
  low: 'it gets no further replicas',
  high: 'its shards are moved away',
  flood_stage: 'its indices only take deletions',
} as const;

check(
  'elasticsearch.translog.durability',
  {
    level: 'durability',
    claim: 'Every index has what it acknowledges on disk: its translog is synced with each request',
    otherwise: {
      class: 'misconfigured',
      remedy: 'set index.translog.durability of the index and of its template back to request',
    },
  },
  async ({ elasticsearch: { api }, fail, skip, signal }) => {
    const name = 'index.translog.durability';
    const asked = { index: '_all', name, include_defaults: true, flat_settings: true } as const;
    const all = await api.indices.getSettings({ ...asked, expand_wildcards: ['open', 'hidden'] }, { signal });
    const indices = Object.entries(all)
      .filter(([index]) => scratchOwner(index) === null)
      .map(([index, { settings, defaults }]) => {
        const value = (each: unknown): string | undefined => (each as Record<string, string> | undefined)?.[name];
        return { index, durability: (value(settings) ?? value(defaults) ?? '').toLowerCase() };
      });
    if (indices.length === 0) skip('indices', 0);
    const loose = indices.filter(({ durability }) => durability !== 'request');
    const [first] = loose;
    if (first)
      fail({
        cause: `${loose.length} of ${indices.length} indices lose what they acknowledged in the last seconds when their node stops: ${loose
          .slice(0, 5)
          .map(({ index }) => index)
          .join(', ')}${loose.length > 5 ? ' and others' : ''}`,
        evidence: `${first.index}: ${name} ${first.durability}`,
        ...(loose.length === 1 ? { subject: first.index } : {}),
      });
    return { indices: indices.length, durability: 'request' };
  },
);

/** Object pointers fit in 32 bits without an offset up to about here. Source: the reference, "Heap size settings". */
const ZERO_BASED = 26 * GB;

check(
  'elasticsearch.heap.sizing',
  {
    level: 'hygiene',
    claim: 'Every node has a heap of fixed size, at most half of its memory, with compressed object pointers',
    otherwise: {
      class: 'misconfigured',
      remedy: 'set -Xms and -Xmx alike in jvm.options.d (ES_JAVA_OPTS), to half of the memory limit and at most 26g',
    },
  },
  async ({ elasticsearch: { api }, component, fail, signal }) => {
    const [{ nodes }, { nodes: stats }] = await Promise.all([
      api.nodes.info({ metric: 'jvm' }, { signal }),
      api.nodes.stats({ metric: 'os' }, { signal }),
    ]);
    const declared = settingsOf(component).memory;
    const sized = Object.entries(nodes).map(([id, { name, jvm }]) => {
      const { heap_init_in_bytes: initial = 0, heap_max_in_bytes: most = 0 } = jvm?.mem ?? {};
      const memory = declared === undefined ? memoryOf(stats[id]?.os ?? {}) : bytes(declared);
      const compressed = String(jvm?.using_compressed_ordinary_object_pointers) === 'true';
      const flaws = [
        // A serial collector leaves one of its survivor spaces out of the maximum, so that it may be the smaller one.
        ...(initial < most ? [`the heap grows from ${inGb(initial)} to ${inGb(most)}`] : []),
        ...(most > memory / 2
          ? [`a heap of ${inGb(most)} is more than half of ${inGb(memory)}, the rest is the file cache's`]
          : []),
        ...(compressed ? [] : [`a heap of ${inGb(most)} has no compressed object pointers`]),
      ];
      return { name, flaws, heap: most, memory, zeroBased: compressed && most <= ZERO_BASED };
    });
    const wrong = sized.filter(({ flaws }) => flaws.length > 0);
    const [first] = wrong;
    if (first)
      fail({
        cause: `${first.name}: ${first.flaws.join('; ')}`,
        evidence: wrong.map(({ name, flaws }) => `${name}: ${flaws.join('; ')}`).join('; '),
        ...(wrong.length === 1 ? { subject: first.name } : {}),
      });
    return Object.fromEntries(
      sized.map(({ name, heap, memory, zeroBased }) => [name, { heap: inGb(heap), memory: inGb(memory), zeroBased }]),
    );
  },
);

interface Os {
  readonly mem?: { readonly total_in_bytes?: number; readonly adjusted_total_in_bytes?: number };
  readonly cgroup?: { readonly memory?: { readonly limit_in_bytes?: string } };
}

/** The least that the node knows of: a control group without a limit tells 2^63 or `max`. Older Javas see the machine and not the group. */
function memoryOf({ mem = {}, cgroup }: Os): number {
  const limit = Number(cgroup?.memory?.limit_in_bytes ?? Number.NaN);
  const total = mem.adjusted_total_in_bytes ?? mem.total_in_bytes ?? 0;
  return Number.isFinite(limit) ? Math.min(limit, total) : total;
}

check(
  'elasticsearch.deprecations',
  {
    level: 'hygiene',
    claim: 'Nothing is in use that the next major version refuses',
    otherwise: {
      class: 'misconfigured',
      remedy: 'mend what GET _migration/deprecations names before the upgrade; its url says how',
    },
  },
  async ({ elasticsearch, fail, skip, signal }) => {
    if (!(await elasticsearch.has(DEPRECATION, signal))) skip(`every node has ${DEPRECATION}`, false);
    const kinds: Deprecations = { ...(await elasticsearch.api.migration.deprecations({}, { signal })) };
    const all = Object.entries(kinds).flatMap(([kind, found]) =>
      isList(found)
        ? found.map((each) => ({ where: kind, ...each }))
        : Object.entries(found).flatMap(([name, list]) => list.map((each) => ({ where: `${kind} ${name}`, ...each }))),
    );
    const critical = all.filter(({ level }) => level === 'critical');
    const [first] = critical;
    if (first)
      fail({
        cause: `${critical.length} settings or features in use are gone in the next major version: ${first.message}`,
        evidence: critical
          .slice(0, 5)
          .map(({ where, message, url }) => `${where}: ${message} (${url})`)
          .join('; '),
      });
    return { warnings: all.length, critical: 0 };
  },
);

const DEPRECATION = 'x-pack-deprecation';

interface Deprecation {
  readonly level: string;
  readonly message: string;
  readonly url: string;
}

/** Source: the reference, "Deprecation info API": a list for each kind of thing, or one for each thing of that kind. */
type Deprecations = Readonly<Record<string, List | Readonly<Record<string, List>>>>;
type List = readonly Deprecation[];

const isList = (found: Deprecations[string]): found is List => Array.isArray(found);
