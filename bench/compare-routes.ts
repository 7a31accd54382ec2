import { prepareRefreshes } from './refreshes.js';
import { type Measurement, putUnderLoad } from './load.js';
import {
  compareCpuTimes,
  compareRates,
  measureInTurns,
  type SideResult,
  summarize,
} from './rounds.js';
import { requestFor } from './same-answer.js';
import type { Scenario } from './scenarios.js';
import type { ServerProcess } from './server-process.js';
import type { Servers } from './servers.js';
import type { Ratio } from './statistics.js';

/** Rounds until V8 has compiled what is hot. */
const WARM_UP_ROUNDS = 4;

type Side = keyof Servers;

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
  await measureInTurns(count, rounds, (side) => measure[side]());
}

export function compareRoute(scenario: Scenario, { product, reference }: Rounds): Result {
  return {
    scenario,
    product: summarize(product),
    reference: summarize(reference),
    ratio: compareRates(product, reference),
    cpuRatio: compareCpuTimes(product, reference),
  };
}

async function prepare(
  scenario: Scenario,
  server: ServerProcess,
  seconds: number,
): Promise<() => Promise<Measurement>> {
  if (scenario.token === 'refresh') return prepareRefreshes(scenario, server, seconds);
  const { connections, path, status } = scenario;
  const request = await requestFor(scenario, server);
  return () => putUnderLoad(server, { ...request, path, connections, seconds, status });
}
