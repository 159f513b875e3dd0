const POWERS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/** Bytes of a quantity of storage; NaN for what is none. Source: kubernetes.io, "Quantity". */
export function bytesOf(quantity: string): number {
  const [, number, suffix = ''] = /^([\d.]+(?:e\d+)?)([A-Za-z]*)$/.exec(quantity) ?? [];
  return Number(number) * (POWERS[suffix] ?? Number.NaN);
}
