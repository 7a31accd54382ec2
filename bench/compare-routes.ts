import { setTimeout as sleep } from 'node:timers/promises';
import { buildRequest } from './http-request.js';
import { type Measurement, putUnderLoad } from './load.js';
import { logIn, requireSameAnswer } from './same-answer.js';
import type { Scenario } from './scenarios.js';
import type { ServerProcess } from './server-process.js';
import type { Servers } from './servers.js';
import { compareRounds, median, quantile, type Ratio } from './statistics.js';

/** Milliseconds in which a server finishes the work of its last round. */
const PAUSE = 200;

type Side = keyof Servers;

export interface SideResult {
  /** The median of the rounds. */
  requestsPerSecond: number;
  /** The median latency over all rounds, in milliseconds. */
  p50: number;
  /** The 99th percentile over all rounds, in milliseconds. */
  p99: number;
}

export interface Result extends Record<Side, SideResult> {
  scenario: Scenario;
  /** The product's throughput divided by that of the baseline. */
  ratio: Ratio;
}

/** Measures one route on both servers, in turns, never on both at the same time. */
export async function compareRoute(
  scenario: Scenario,
  servers: Servers,
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<Result> {
  await requireSameAnswer(scenario, servers.product, servers.baseline);
  const measure: Record<Side, () => Promise<Measurement>> = {
    product: await prepare(scenario, servers.product, seconds),
    baseline: await prepare(scenario, servers.baseline, seconds),
  };
  // The first round of each server only warms it up.
  await measure.product();
  await measure.baseline();
  const measured: Record<Side, Measurement[]> = { product: [], baseline: [] };
  for (let round = 0; round < rounds; round++) {
    // The order alternates, so that a machine that gets slower or faster favors neither side.
    const sides: Side[] = round % 2 === 0 ? ['product', 'baseline'] : ['baseline', 'product'];
    for (const side of sides) measured[side].push(await measure[side]());
  }
  return {
    scenario,
    product: summarize(measured.product),
    baseline: summarize(measured.baseline),
    ratio: compareRounds(ratesOf(measured.product), ratesOf(measured.baseline)),
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
    return putUnderLoad({ ...request, url: server.origin + path, connections, seconds });
  };
}

function summarize(measurements: readonly Measurement[]): SideResult {
  const latencies = measurements.flatMap((each) => each.latencies);
  return {
    requestsPerSecond: median(ratesOf(measurements)),
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
  };
}

function ratesOf(measurements: readonly Measurement[]): number[] {
  return measurements.map((each) => each.requestsPerSecond);
}
