import { suite } from '../../helpers/check/suite.ts';
import { service, settingsOf } from '../../helpers/connect/elasticsearch.ts';

const check = suite(service);

check(
  'elasticsearch.analyzer',
  {
    level: 'semantics',
    claim: 'The standard analyzer, and every declared one, makes the tokens that are declared of a text',
    otherwise: {
      class: 'misconfigured',
      remedy: 'compare the version of the analysis plugin with the one that the tokens were written down from',
    },
  },
  async ({ elasticsearch: { api }, component, fail, expect, signal }) => {
    const declared = { standard: STANDARD, ...settingsOf(component).analyzers };
    const seen = await Promise.all(
      Object.entries(declared).map(async ([analyzer, { text, tokens: wanted }]) => {
        const { tokens = [] } = await api.indices
          .analyze({ analyzer, text }, { signal })
          .catch((error: unknown) =>
            isMissing(error) ? fail(missing(analyzer, String(error))) : Promise.reject(error),
          );
        return { analyzer, wanted, made: tokens.map(({ token }) => token) };
      }),
    );
    for (const { analyzer, wanted, made } of seen) expect(made, `tokens of the analyzer ${analyzer}`).toEqual(wanted);
    return Object.fromEntries(seen.map(({ analyzer, made }) => [analyzer, made]));
  },
);

/** Words by Unicode's rules (UAX #29), which takes ideographs one by one. */
const STANDARD = {
  text: 'Zürich: the 2nd café, 東京',
  tokens: ['zürich', 'the', '2nd', 'café', '東', '京'],
};

const isMissing = (error: unknown): boolean => /failed to find global analyzer/.test(String(error));

const missing = (analyzer: string, evidence: string) =>
  ({
    class: 'not-deployed',
    cause: `no node knows the analyzer ${analyzer}`,
    remedy:
      'install the analysis plugin that brings it on every node (bin/elasticsearch-plugin install), and restart it',
    evidence,
    subject: analyzer,
  }) as const;

const PAGE = 200;
const SNAPSHOT = 1_000;

check(
  'elasticsearch.pit.scroll',
  {
    level: 'semantics',
    claim: 'Pages of a point in time hold exactly the thousand documents of that time, whatever is written meanwhile',
    // The point in time is closed, and goes by itself after its time to live.
    writes: ['index'],
    otherwise: {
      class: 'data-wrong',
      remedy:
        'look for a proxy that caches or repeats searches; compare GET _nodes/stats/indices/search before and after',
    },
  },
  async ({ elasticsearch: { api, createIndex }, scratch, expect, observe, signal }) => {
    const index = scratch.name('index', 'paged');
    await createIndex(index, { number: { type: 'integer' } }, signal);
    const write = (from: number, to: number) =>
      api.bulk(
        {
          index,
          refresh: true,
          operations: numbers(from, to).flatMap((number) => [{ create: { _id: String(number) } }, { number }]),
        },
        { signal },
      );
    await write(0, SNAPSHOT);
    const { id } = await api.openPointInTime({ index, keep_alive: '1m' }, { signal });
    const seen: number[] = [];
    let freed = 0;
    try {
      for (let after: number | null = null; ; ) {
        const search = {
          pit: { id, keep_alive: '1m' },
          size: PAGE,
          sort: [{ number: 'asc' as const }],
          ...(after === null ? {} : { search_after: [after] }),
        };
        const { hits } = await api.search<{ number: number }>(search, { signal });
        if (hits.hits.length === 0) break;
        seen.push(...hits.hits.map(({ _source: source }) => source?.number ?? -1));
        after = seen.at(-1) ?? null;
        if (seen.length > 2 * SNAPSHOT) break;
        const page = Math.ceil(seen.length / PAGE);
        await write(SNAPSHOT + page * 10, SNAPSHOT + page * 10 + 10);
      }
    } finally {
      freed = (await api.closePointInTime({ id }, { signal })).num_freed;
    }
    const { count } = await api.count({ index }, { signal });
    observe({ seen: seen.length, inTheEnd: count });
    expect(seen, 'documents on the pages').toEqual(numbers(0, SNAPSHOT));
    expect(count, 'documents in the end').toBeGreaterThan(SNAPSHOT);
    expect(freed, 'contexts that closing it set free').toBeGreaterThanOrEqual(1);
    return { pages: Math.ceil(seen.length / PAGE), freed };
  },
);

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n);

check(
  'elasticsearch.aggs.exact',
  {
    level: 'semantics',
    claim: 'Counts, sums, months, ranges and distinct values of a known data set over three shards are exact',
    writes: ['index'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'compare the evidence with the index (GET <index>/_search); look for shards that failed, and for a proxy',
    },
  },
  async ({ elasticsearch: { api, createIndex }, scratch, expect, observe, signal }) => {
    const index = scratch.name('index', 'orders');
    const properties = {
      kind: { type: 'keyword' },
      customer: { type: 'integer' },
      price: { type: 'double' },
      at: { type: 'date' },
    } as const;
    await createIndex(index, properties, signal, { number_of_shards: 3 });
    const operations = ORDERS.flatMap((order, at) => [{ create: { _id: String(at) } }, order]);
    await api.bulk({ index, operations, refresh: true }, { signal });
    const answer = await api.search(
      {
        index,
        size: 0,
        track_total_hits: true,
        aggs: {
          kinds: { terms: { field: 'kind', order: { _key: 'asc' } }, aggs: { sum: { sum: { field: 'price' } } } },
          months: { date_histogram: { field: 'at', calendar_interval: 'month', format: 'yyyy-MM' } },
          prices: { range: { field: 'price', ranges: [{ to: 10 }, { from: 10, to: 20 }, { from: 20 }] } },
          customers: { cardinality: { field: 'customer' } },
          price: { stats: { field: 'price' } },
          without: { missing: { field: 'customer' } },
        },
      },
      { signal },
    );
    observe({ hits: (answer.hits.total as { value: number }).value, shards: { ...answer._shards } as never });
    expect(answer._shards, 'shards that answered').toMatchObject({ total: 3, successful: 3, failed: 0 });
    const seen = answer.aggregations as unknown as Aggregations;
    expect(
      {
        kinds: Object.fromEntries(seen.kinds.buckets.map(({ key, doc_count: n, sum }) => [key, [n, sum?.value]])),
        months: Object.fromEntries(seen.months.buckets.map(({ key_as_string: key, doc_count: n }) => [key, n])),
        prices: seen.prices.buckets.map(({ doc_count: n }) => n),
        customers: seen.customers.value,
        price: seen.price,
        without: seen.without.doc_count,
      },
      'aggregations',
    ).toEqual(expected(ORDERS));
    return { documents: ORDERS.length, customers: seen.customers.value, sum: seen.price.sum };
  },
);

interface Bucket {
  readonly key: string;
  readonly key_as_string?: string;
  readonly doc_count: number;
  readonly sum?: { readonly value: number };
}

interface Aggregations {
  readonly kinds: { readonly buckets: readonly Bucket[] };
  readonly months: { readonly buckets: readonly Bucket[] };
  readonly prices: { readonly buckets: readonly Bucket[] };
  readonly customers: { readonly value: number };
  readonly price: {
    readonly count: number;
    readonly min: number;
    readonly max: number;
    readonly avg: number;
    readonly sum: number;
  };
  readonly without: { readonly doc_count: number };
}

interface Order {
  readonly kind: string;
  readonly customer?: number;
  readonly price: number;
  readonly at: string;
}

/** Prices in quarters: binary fractions, of which any order of adding makes the same sum. */
const ORDERS: readonly Order[] = numbers(0, 480).map((n) => ({
  kind: ['book', 'disc', 'map', 'print'][(n % 7) % 4] as string,
  ...(n % 16 === 0 ? {} : { customer: (n * n) % 97 }),
  price: ((n * 37) % 120) / 4,
  at: new Date(Date.UTC(2026, n % 12, 1 + (n % 28))).toISOString(),
}));

function expected(orders: readonly Order[]) {
  const prices = orders.map(({ price }) => price);
  const sum = (of: readonly Order[]): number => of.reduce((all, { price }) => all + price, 0);
  const within = (from: number, to: number): number => prices.filter((price) => price >= from && price < to).length;
  return {
    kinds: Object.fromEntries(
      [...Map.groupBy(orders, ({ kind }) => kind)].map(([kind, of]) => [kind, [of.length, sum(of)]]),
    ),
    months: Object.fromEntries(
      [...Map.groupBy(orders, ({ at }) => at.slice(0, 7))].map(([month, of]) => [month, of.length]),
    ),
    prices: [within(0, 10), within(10, 20), within(20, Number.POSITIVE_INFINITY)],
    customers: new Set(orders.flatMap(({ customer }) => customer ?? [])).size,
    price: {
      count: orders.length,
      min: Math.min(...prices),
      max: Math.max(...prices),
      avg: sum(orders) / orders.length,
      sum: sum(orders),
    },
    without: orders.filter(({ customer }) => customer === undefined).length,
  };
}
