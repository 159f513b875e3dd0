/** Exact fractions of whole numbers: a ledger of thousands of lines must sum to the last digit. */

/** A finite decimal number, as written, over a power of ten. */
function decimal(value: number): { numerator: bigint; scale: bigint } {
  const [digits = '0', exponent = '0'] = value.toString().split('e');
  const [whole = '0', fraction = ''] = digits.split('.');
  const shift = fraction.length - Number(exponent);
  const numerator = BigInt(whole + fraction) * (shift < 0 ? 10n ** BigInt(-shift) : 1n);
  return { numerator, scale: shift > 0 ? 10n ** BigInt(shift) : 1n };
}

/** The numbers as whole numbers in the same proportion. */
export function inProportion(values: readonly number[]): bigint[] {
  const decimals = values.map(decimal);
  const common = decimals.map(({ scale }) => scale).reduce(lcm, 1n);
  return decimals.map(({ numerator, scale }) => numerator * (common / scale));
}

const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? a : gcd(b, a % b));

export const lcm = (a: bigint, b: bigint): bigint => (a / gcd(a, b)) * b;

/** `100 · part / whole`, rounded down to a tenth; 0 where there is no whole. */
export function percentDown(part: bigint, whole: bigint): number {
  return whole === 0n ? 0 : Number((part * 1_000n) / whole) / 10;
}

/** `100 · part / whole` to the nearest millionth, for figures that are added up again. */
export function percent(part: bigint, whole: bigint): number {
  return whole === 0n ? 0 : Number((part * 200_000_000n + whole) / (2n * whole)) / 1_000_000;
}
