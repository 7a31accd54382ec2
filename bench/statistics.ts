/** One figure divided by another: the median of the rounds, and the quartiles as its spread. */
export interface Ratio {
  median: number;
  lower: number;
  upper: number;
}

/**
 * Divides round by round, so that a disturbance that lasts longer than a round affects both figures.
 *
 * @param values one for each round
 * @param references what the values are divided by, also one for each round
 */
export function compareRounds(values: readonly number[], references: readonly number[]): Ratio {
  const ratios = values.map((value, round) => value / references[round]!);
  return {
    median: median(ratios),
    lower: quantile(ratios, 0.25),
    upper: quantile(ratios, 0.75),
  };
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
