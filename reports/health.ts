/** To the nearest tenth; 100.0 only if every desired pod is ready. */
export function healthPercent({ ready, desired }: { ready: number; desired: number }): number {
  if (desired === 0 || ready >= desired) return 100;
  return Math.min(99.9, Math.round((ready * 1_000) / desired) / 10);
}
