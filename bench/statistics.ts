/** A rate divided by another: median, minimum and maximum of the rounds. */
export interface Ratio {
  median: number;
  min: number;
  max: number;
}

/**
 * @param rates one for each round
 * @param references what the rates are divided by, also one for each round
 */
export function compareRounds(rates: readonly number[], references: readonly number[]): Ratio {
  const ratios = rates.map((rate, round) => rate / references[round]!);
  return { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) };
}

export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2;
}

/** The nearest-rank quantile, which is always one of the values. NaN if there are no values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}
