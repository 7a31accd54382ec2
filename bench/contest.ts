import { setTimeout as sleep } from 'node:timers/promises';
import type { Contestants } from './contestants.js';
import { requestOf } from './http-request.js';
import { type Measurement, putUnderLoad } from './load.js';
import { logIn, requireSameAnswer } from './same-answer.js';
import type { Scenario } from './scenarios.js';
import { compareRounds, median, quantile, type Ratio } from './statistics.js';

/** Milliseconds in which a server ends what its last round has left over. */
const PAUSE = 200;

export type Side = keyof Contestants;

export interface SideResult {
  /** Median of the rounds. */
  requestsPerSecond: number;
  /** Milliseconds, over all rounds. */
  p50: number;
  p99: number;
}

export interface Result extends Record<Side, SideResult> {
  scenario: Scenario;
  /** The product's throughput as a share of the floor's: median, least and most of the rounds. */
  ratio: Ratio;
}

/** Measures one route on both servers, one after the other, and never both at once. */
export async function contest(
  scenario: Scenario,
  contestants: Contestants,
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<Result> {
  await requireSameAnswer(scenario, contestants.product, contestants.floor);
  const measure: Record<Side, () => Promise<Measurement>> = {
    product: await prepare(scenario, contestants, 'product', seconds),
    floor: await prepare(scenario, contestants, 'floor', seconds),
  };
  await measure.product();
  await measure.floor();
  const measured: Record<Side, Measurement[]> = { product: [], floor: [] };
  for (let round = 0; round < rounds; round++) {
    // Product, floor, floor, product, …: a machine that gets slower or faster favours neither.
    const sides: Side[] = round % 2 === 0 ? ['product', 'floor'] : ['floor', 'product'];
    for (const side of sides) measured[side].push(await measure[side]());
  }
  return {
    scenario,
    product: summary(measured.product),
    floor: summary(measured.floor),
    ratio: compareRounds(rates(measured.product), rates(measured.floor)),
  };
}

async function prepare(
  scenario: Scenario,
  contestants: Contestants,
  side: Side,
  seconds: number,
): Promise<() => Promise<Measurement>> {
  const server = contestants[side];
  const { connections, path } = scenario;
  const request = requestOf(scenario, await logIn(server));
  return async () => {
    await sleep(PAUSE);
    return putUnderLoad({ ...request, url: server.origin + path, connections, seconds });
  };
}

function summary(measurements: readonly Measurement[]): SideResult {
  const latencies = measurements.flatMap((each) => each.latencies);
  return {
    requestsPerSecond: median(rates(measurements)),
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
  };
}

function rates(measurements: readonly Measurement[]): number[] {
  return measurements.map((each) => each.requestsPerSecond);
}
