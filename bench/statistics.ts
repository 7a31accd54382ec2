/** One rate as a share of another: median, least and most of the rounds. */
export interface Ratio {
  median: number;
  min: number;
  max: number;
}

/** @param ours one rate for each round, as many as `theirs` */
export function compareRounds(ours: readonly number[], theirs: readonly number[]): Ratio {
  const ratios = ours.map((rate, round) => rate / theirs[round]!);
  return { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) };
}

export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2;
}

/** The nearest-rank quantile: always a value that was measured. NaN where there is none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}
