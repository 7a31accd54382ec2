import { setTimeout as sleep } from 'node:timers/promises';
import { buildRequest } from './http-request.js';
import { type Measurement, putUnderLoad } from './load.js';
import { logIn } from './same-answer.js';
import type { Scenario } from './scenarios.js';
import type { ServerProcess } from './server-process.js';
import type { Servers } from './servers.js';
import { compareRounds, median, quantile, type Ratio } from './statistics.js';

/** Milliseconds in which a server finishes the work of its last round. */
const PAUSE = 200;

/** Rounds until V8 has compiled what is hot. */
const WARM_UP_ROUNDS = 2;

type Side = keyof Servers;

export interface SideResult {
  /** The median of the rounds. */
  requestsPerSecond: number;
  /** The median latency over all rounds, in milliseconds. */
  p50: number;
  /** The CPU time of the server process for each request, in microseconds: the median. */
  cpuPerRequest: number;
  /** The 99th percentile over all rounds, in milliseconds. */
  p99: number;
}

export interface Result extends Record<Side, SideResult> {
  scenario: Scenario;
  /** The product's throughput divided by that of the reference. */
  ratio: Ratio;
  /** The product's CPU time for each request divided by that of the reference. */
  cpuRatio: Ratio;
}

/** The rounds of one route. */
export type Rounds = Record<Side, Measurement[]>;

/**
 * Measures one route on both servers, in turns, never on both at the same time.
 *
 * @param rounds receives the measurements
 */
export async function measureRoute(
  scenario: Scenario,
  servers: Servers,
  { rounds: count, seconds }: { rounds: number; seconds: number },
  rounds: Rounds,
): Promise<void> {
  const measure: Record<Side, () => Promise<Measurement>> = {
    product: await prepare(scenario, servers.product, seconds),
    reference: await prepare(scenario, servers.reference, seconds),
  };
  for (let i = 0; i < WARM_UP_ROUNDS; i++) {
    await measure.product();
    await measure.reference();
  }
  for (let round = 0; round < count; round++) {
    // The order alternates, so that a machine that gets slower or faster favors neither side.
    const sides: Side[] = round % 2 === 0 ? ['product', 'reference'] : ['reference', 'product'];
    for (const side of sides) rounds[side].push(await measure[side]());
  }
}

export function compareRoute(scenario: Scenario, { product, reference }: Rounds): Result {
  return {
    scenario,
    product: summarize(product),
    reference: summarize(reference),
    ratio: compareRounds(ratesOf(product), ratesOf(reference)),
    cpuRatio: compareRounds(cpuTimesOf(product), cpuTimesOf(reference)),
  };
}

async function prepare(
  scenario: Scenario,
  server: ServerProcess,
  seconds: number,
): Promise<() => Promise<Measurement>> {
  const { connections, path } = scenario;
  const request = buildRequest(scenario, await logIn(server));
  return async () => {
    await sleep(PAUSE);
    return putUnderLoad(server, { ...request, path, connections, seconds });
  };
}

function summarize(measurements: readonly Measurement[]): SideResult {
  const latencies = measurements.flatMap((each) => each.latencies);
  return {
    requestsPerSecond: median(ratesOf(measurements)),
    cpuPerRequest: median(cpuTimesOf(measurements)),
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
  };
}

function ratesOf(measurements: readonly Measurement[]): number[] {
  return measurements.map((each) => each.requestsPerSecond);
}

function cpuTimesOf(measurements: readonly Measurement[]): number[] {
  return measurements.map((each) => each.cpuPerRequest);
}
