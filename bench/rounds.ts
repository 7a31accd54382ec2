import { setTimeout as sleep } from 'node:timers/promises';
import type { Measurement } from './load.js';
import { compareRounds, median, quantile, type Ratio } from './statistics.js';

/** Milliseconds in which a server finishes the work of its last round. */
const PAUSE = 200;

export interface SideResult {
  /** The median of the rounds. */
  requestsPerSecond: number;
  /** Latencies over all rounds, in milliseconds. */
  p50: number;
  p99: number;
  /** The CPU time of the server process for each request, in microseconds: the median. */
  cpuPerRequest: number;
}

/**
 * Measures two sides in turns, never both at the same time.
 *
 * @param rounds receives the measurements
 */
export async function measureInTurns<Side extends string>(
  count: number,
  rounds: Record<Side, Measurement[]>,
  measure: (side: Side) => Promise<Measurement>,
): Promise<void> {
  const sides = Object.keys(rounds) as Side[];
  for (let round = 0; round < count; round++) {
    // The order alternates, so that a machine that gets slower or faster favors neither side.
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      await sleep(PAUSE);
      rounds[side].push(await measure(side));
    }
  }
}

export function summarize(measurements: readonly Measurement[]): SideResult {
  const latencies = measurements.flatMap((each) => each.latencies);
  return {
    requestsPerSecond: median(ratesOf(measurements)),
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    cpuPerRequest: median(cpuTimesOf(measurements)),
  };
}

/** The throughput of the first side divided by that of the second. */
export function compareRates(a: readonly Measurement[], b: readonly Measurement[]): Ratio {
  return compareRounds(ratesOf(a), ratesOf(b));
}

/** The CPU time for each request of the first side divided by that of the second. */
export function compareCpuTimes(a: readonly Measurement[], b: readonly Measurement[]): Ratio {
  return compareRounds(cpuTimesOf(a), cpuTimesOf(b));
}

function ratesOf(measurements: readonly Measurement[]): number[] {
  return measurements.map((each) => each.requestsPerSecond);
}

function cpuTimesOf(measurements: readonly Measurement[]): number[] {
  return measurements.map((each) => each.cpuPerRequest);
}
