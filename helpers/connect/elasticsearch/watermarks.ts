/** From where on the disk of a node is too full, as `_cluster/settings?include_defaults&flat_settings` has it. */
export type DiskSettings = Readonly<Record<string, unknown>>;

const PREFIX = 'cluster.routing.allocation.disk';

export const WATERMARKS = ['low', 'high', 'flood_stage'] as const;
export type Watermark = (typeof WATERMARKS)[number];

/** Headroom is the default only of the default watermark. Source: the reference, "Disk-based shard allocation settings". */
const DEFAULTS: { readonly [of in Watermark]: { readonly used: string; readonly headroom: string } } = {
  low: { used: '85%', headroom: '200GB' },
  high: { used: '90%', headroom: '150GB' },
  flood_stage: { used: '95%', headroom: '100GB' },
};

export const thresholdEnabled = (settings: DiskSettings): boolean =>
  String(settings[`${PREFIX}.threshold_enabled`] ?? true) === 'true';

/** Bytes that a disk of this size must have free to stay below the watermark. */
export function leastFree(settings: DiskSettings, watermark: Watermark, totalBytes: number): number {
  const usual = DEFAULTS[watermark];
  const set = String(settings[`${PREFIX}.watermark.${watermark}`] ?? usual.used);
  const used = share(set);
  if (used === null) return bytes(set);
  const free = Math.round(totalBytes * (1 - used));
  const headroom = String(settings[`${PREFIX}.watermark.${watermark}.max_headroom`] ?? usual.headroom);
  const applies = headroom !== '-1' && (set === usual.used || headroom !== usual.headroom);
  return applies ? Math.min(free, bytes(headroom)) : free;
}

/** `85%`, or `0.85`; null: a size. */
function share(text: string): number | null {
  const percent = /^([\d.]+)%$/.exec(text);
  if (percent) return Number(percent[1]) / 100;
  return /^[\d.]+$/.test(text) ? Number(text) : null;
}

const UNITS = ['b', 'kb', 'mb', 'gb', 'tb', 'pb'];

/** A size as Elasticsearch writes it: `500mb`, in powers of 1024, whatever the case. Source: the reference, "API conventions", byte units. */
export function bytes(text: string): number {
  const match = /^([\d.]+) ?([kmgtp]?b?)$/.exec(text.trim().toLowerCase());
  const power = UNITS.indexOf(match?.[2] === '' ? 'b' : `${match?.[2]?.replace(/b$/, '')}b`);
  if (!match || power < 0) throw new RangeError(`${text} is no size such as 2gb`);
  return Math.round(Number(match[1]) * 1024 ** power);
}
