/** Least number of single-character slips (one missing, extra, wrong, or swapped with its neighbour) between two words. */
export function slips(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const cell = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    rows.push([i]);
    for (let j = 1; j <= b.length; j++) {
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      rows[i]?.push(
        Math.min(
          cell(i - 1, j) + 1,
          cell(i, j - 1) + 1,
          cell(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1),
          swapped ? cell(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
  }
  return cell(a.length, b.length);
}

/** The known word that was probably meant, or null: one that is begun, or within one slip, or within one for every three characters. */
export function closest(word: string, known: readonly string[]): string | null {
  const begun = (each: string): boolean => word.length >= 3 && each.startsWith(word);
  const [best] = known
    .map((each) => ({ each, off: begun(each) ? 1 : slips(word, each) }))
    .sort((a, b) => a.off - b.off);
  return best && best.off <= Math.max(1, Math.floor(word.length / 3)) ? best.each : null;
}

/** What to write in place of a word that nobody knows. */
export function instead(word: string, known: readonly string[], what: string): string {
  const meant = closest(word, known);
  if (meant !== null) return `did you mean ${meant}?`;
  return known.length > 0 ? `${what}: ${known.join(', ')}` : `there are no ${what}`;
}
