import { randomBytes } from 'node:crypto';
import type { BenchDatabase } from './bench-databases.js';
import type { GrowthRows } from './growth-rows.js';
import { createTraffic, type Traffic } from './growth-traffic.js';
import { CHEAP_COST } from './hash-costs.js';
import { type Measurement, putUnderLoad } from './load.js';
import { startProduct } from './product-server.js';
import {
  compareCpuTimes,
  compareRates,
  measureInTurns,
  type SideResult,
  summarize,
} from './rounds.js';
import type { ServerProcess } from './server-process.js';
import { median, type Ratio } from './statistics.js';

/** Few, so that the figures show the cost of the requests and not the time in a queue. */
const CONNECTIONS = 2;
/**
 * The number of sessions that are in use. Each is used once before the first round, so that the caches hold
 * them: the first use of a session reads its rows from the disk or from the cache of the system.
 */
const SESSIONS_IN_USE = 1_000;
/** The large database may take this many times as long as the small one, and as much CPU time. */
export const MAX_GROWTH_RATIO = 1.25;

export type Side = 'small' | 'large';

export interface ComparedRequest extends Record<Side, SideResult> {
  name: string;
  /** The mean time of a request with the large database, divided by that with the small one. */
  ratio: Ratio;
  /** The same of the CPU time of the server process. */
  cpuRatio: Ratio;
}

interface CompareOptions {
  databases: Record<Side, BenchDatabase>;
  rows: Record<Side, GrowthRows>;
  folder: string;
  launches: number;
  rounds: number;
  seconds: number;
}

interface Measured {
  rounds: Map<string, Record<Side, Measurement[]>>;
  /** Milliseconds. */
  starts: Record<Side, number[]>;
  /** Bytes. */
  memories: Record<Side, number[]>;
}

const SIDES = ['small', 'large'] as const;

/** Puts both databases under load, in turns, never both at the same time. */
export async function compareSizes(options: CompareOptions) {
  const measured: Measured = {
    rounds: new Map(),
    starts: { small: [], large: [] },
    memories: { small: [], large: [] },
  };
  for (let launch = 1; launch <= options.launches; launch++) {
    await measureLaunch(options, launch, measured);
  }
  const mediansOf = (values: Record<Side, number[]>) => ({
    small: median(values.small),
    large: median(values.large),
  });
  return {
    requests: [...measured.rounds].map(([name, rounds]) => compareRequest(name, rounds)),
    start: mediansOf(measured.starts),
    memory: mediansOf(measured.memories),
  };
}

async function measureLaunch(
  options: CompareOptions,
  launch: number,
  measured: Measured,
): Promise<void> {
  const { launches } = options;
  const label = `${options.databases.large.settings.engine}, ${launch}/${launches}`;
  const clients = Math.min(SESSIONS_IN_USE, Math.floor(options.rows.small.size.rows / launches));
  const secret = randomBytes(64).toString('base64url');
  const traffic = (side: Side) =>
    createTraffic({ rows: options.rows[side], secret, clients, launches, launch: launch - 1 });
  const [small, large] = [traffic('small'), traffic('large')];
  const servers = await startBoth(options, { JWT_SECRET_KEY: secret }, measured);
  const compare = (pair: Record<Side, Traffic>, both = servers) =>
    compareTraffic(pair, both, label, options, measured.rounds);
  await compare({ small: small.tokenCheck, large: large.tokenCheck });
  await compare({ small: small.refresh, large: large.refresh });
  await compare({ small: small.login(0, 2), large: large.login(0, 2) });
  for (const side of SIDES) measured.memories[side].push(await servers[side].memory());
  await stopBoth(servers);
  // The hash of a password takes most of a login, so the rest is measured with another server.
  const cheap = await startBoth(
    options,
    { JWT_SECRET_KEY: secret, BENCH_HASH_COST: JSON.stringify(CHEAP_COST) },
    measured,
  );
  const withoutHash = (login: Traffic) => ({
    ...login,
    ...{ name: `${login.name}, without the hash`, secondsFactor: 1 },
  });
  const pair = { small: withoutHash(small.login(1, 2)), large: withoutHash(large.login(1, 2)) };
  await compare(pair, cheap);
  await stopBoth(cheap);
}

async function startBoth(
  { databases, folder }: CompareOptions,
  settings: Record<string, string>,
  { starts }: Measured,
): Promise<Record<Side, ServerProcess>> {
  const start = async (side: Side): Promise<ServerProcess> => {
    const startedAt = performance.now();
    const { url } = databases[side];
    const server = await startProduct(folder, `growth-${side}`, { url, settings });
    starts[side].push(performance.now() - startedAt);
    return server;
  };
  return { small: await start('small'), large: await start('large') };
}

async function stopBoth(servers: Record<Side, ServerProcess>): Promise<void> {
  for (const side of SIDES) await servers[side].stop();
}

async function compareTraffic(
  traffic: Record<Side, Traffic>,
  servers: Record<Side, ServerProcess>,
  label: string,
  { rounds: count, seconds }: CompareOptions,
  measured: Measured['rounds'],
): Promise<void> {
  const { name } = traffic.large;
  console.error(`${label}: ${name} …`);
  for (const side of SIDES) {
    const { method, path, headers, requests, warmUps: amount } = traffic[side];
    const load = { method, path, headers, requests, amount };
    await putUnderLoad(servers[side], { ...load, connections: CONNECTIONS, seconds });
  }
  const rounds = measured.get(name) ?? { small: [], large: [] };
  measured.set(name, rounds);
  await measureInTurns(count, rounds, (side) => {
    const { name: _, secondsFactor, warmUps: __, ...load } = traffic[side];
    const options = { connections: CONNECTIONS, seconds: secondsFactor * seconds };
    return putUnderLoad(servers[side], { ...load, ...options });
  });
}

function compareRequest(
  name: string,
  { small, large }: Record<Side, Measurement[]>,
): ComparedRequest {
  return {
    name,
    small: summarize(small),
    large: summarize(large),
    // A rate is the inverse of the time.
    ratio: compareRates(small, large),
    cpuRatio: compareCpuTimes(large, small),
  };
}
