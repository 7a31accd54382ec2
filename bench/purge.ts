import { Agent, request } from 'node:http';
import { once } from 'node:events';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../src/database/data-source-options.js';
import { Session } from '../src/sessions/session.entity.js';
import { type BenchDatabase, postgresDatabase, sqliteDatabase } from './bench-databases.js';
import { fillWithSessions } from './many-rows.js';
import { startProduct } from './product-server.js';
import { credentials } from './scenarios.js';
import type { ServerProcess } from './server-process.js';
import { quantile } from './statistics.js';

/** The number of expired sessions. */
const ROWS = 300_000;
/** The time since they expired, in milliseconds. */
const EXPIRED_FOR = 30 * 24 * 3600_000;
/** The time of each measurement, with and without a removal, in milliseconds. */
const DURATION = 5_000;
/** During the removal, the median of a request must be less than this many times its idle value. */
export const MAX_PURGE_RATIO = 2;
/** The time in which a shutdown during the removal must end, in milliseconds. */
export const MAX_SHUTDOWN = 1_000;

/** How the removal of expired rows affects `GET /auth/me` of one client. Times in milliseconds. */
export interface Purge {
  engine: string;
  /** The median without a removal. */
  idle: number;
  /** The median during the removal. */
  median: number;
  /** The 99th percentile during the removal. */
  p99: number;
  /** `median` divided by `idle`. */
  ratio: number;
  /** The number of expired rows that were left when the service got SIGTERM. */
  left: number;
  /** The time from SIGTERM to the end of the process. */
  shutdown: number;
}

export async function measurePurge(folder: string): Promise<Purge[]> {
  const measure = (database: BenchDatabase): Promise<Purge> => {
    const { settings } = database;
    console.error(`${settings.engine}: removal of ${ROWS} expired sessions …`);
    const expire = () => fillWithSessions(settings, 1, ROWS, Date.now() - EXPIRED_FOR);
    return measureRemoval(database, folder, expire);
  };
  const purges = [await measure(sqliteDatabase(folder))];
  const postgres = await postgresDatabase();
  try {
    if (postgres) purges.push(await measure(postgres));
  } finally {
    await postgres?.remove();
  }
  return purges;
}

/**
 * @param expire makes the rows that the service removes; no service uses the database at that time
 * @throws Error if all rows were removed before the measurement ended
 */
export async function measureRemoval(
  { url, settings }: BenchDatabase,
  folder: string,
  expire: () => Promise<void>,
): Promise<Purge> {
  const { engine } = settings;
  const start = () => startProduct(folder, `purge-${engine}`, { url });
  const idleServer = await start();
  const idle = quantile(await measureLatencies(idleServer), 0.5);
  await idleServer.stop();
  await expire();
  // The service begins to remove the rows when it starts.
  const server = await start();
  const latencies = await measureLatencies(server);
  const stoppedAt = performance.now();
  await server.stop();
  const shutdown = performance.now() - stoppedAt;
  const left = await countExpired(settings);
  if (left === 0) throw new Error('All expired rows were removed before the measurement ended.');
  const [median, p99] = [quantile(latencies, 0.5), quantile(latencies, 0.99)];
  return { engine, idle, median, p99, ratio: median / idle, left, shutdown };
}

/** Measures requests that follow each other on one connection. */
async function measureLatencies({ origin }: ServerProcess): Promise<number[]> {
  const login = await fetch(`${origin}/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(credentials),
  });
  const { access_token: token } = (await login.json()) as { access_token: string };
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const headers = { authorization: `Bearer ${token}` };
  const measured: number[] = [];
  const end = performance.now() + DURATION;
  while (performance.now() < end) {
    const start = performance.now();
    const outgoing = request(`${origin}/auth/me`, { agent, headers }).end();
    const [response] = (await once(outgoing, 'response')) as [import('node:http').IncomingMessage];
    await once(response.resume(), 'end');
    measured.push(performance.now() - start);
    if (response.statusCode !== 200) throw new Error(`GET /auth/me: ${response.statusCode}.`);
  }
  agent.destroy();
  return measured;
}

async function countExpired(settings: BenchDatabase['settings']): Promise<number> {
  const source = await new DataSource(dataSourceOptions(settings)).initialize();
  try {
    return await source
      .createQueryBuilder(Session, 'session')
      .where('session.expiresAt < :now', { now: Date.now() })
      .getCount();
  } finally {
    await source.destroy();
  }
}
