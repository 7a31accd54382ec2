import { Agent, request } from 'node:http';
import { once } from 'node:events';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../src/database/data-source-options.js';
import { entities } from '../src/entities.js';
import { Session } from '../src/sessions/session.entity.js';
import { type BenchDatabase, postgresDatabase, sqliteDatabase } from './bench-databases.js';
import { fillWithSessions } from './many-rows.js';
import { startProduct } from './own-server.js';
import { credentials } from './scenarios.js';
import type { ServerProcess } from './server-process.js';
import { quantile } from './statistics.js';

/** Sessions that have expired long ago. */
const ROWS = 300_000;
const EXPIRED_FOR = 30 * 24 * 3600_000;
/** How long each of the two states is measured, in milliseconds. */
const DURATION = 5_000;
/** The median of a request is less than so many times its idle value. */
export const LONGEST_PURGE_RATIO = 2;
/** Milliseconds that a shutdown may take meanwhile. */
export const LONGEST_SHUTDOWN = 1_000;

/** What the removal of expired rows does to `GET /auth/me` of one client, in milliseconds. */
export interface Purge {
  engine: string;
  idle: number;
  median: number;
  p99: number;
  /** Of the two medians. */
  ratio: number;
  /** Rows that were not removed yet when the service was told to end. */
  left: number;
  /** How long it took to end. */
  shutdown: number;
}

export async function measurePurge(folder: string): Promise<Purge[]> {
  const purges = [await measureOn(sqliteDatabase(folder), folder)];
  const postgres = await postgresDatabase();
  try {
    if (postgres) purges.push(await measureOn(postgres, folder));
  } finally {
    await postgres?.remove();
  }
  return purges;
}

/** @throws Error if all rows were removed before the measurement ended */
async function measureOn({ url, settings }: BenchDatabase, folder: string): Promise<Purge> {
  const { engine } = settings;
  const start = () => startProduct(folder, `purge-${engine}`, { url });
  console.error(`${engine}: the removal of ${ROWS} expired sessions …`);
  const empty = await start();
  const idle = quantile(await latencies(empty), 0.5);
  await empty.stop();
  await fillWithSessions(settings, 1, ROWS, Date.now() - EXPIRED_FOR);
  // The removal begins with the start.
  const server = await start();
  const under = await latencies(server);
  const begun = performance.now();
  await server.stop();
  const shutdown = performance.now() - begun;
  const left = await countExpired(settings);
  if (left === 0) throw new Error('All expired rows were removed before the measurement ended.');
  const median = quantile(under, 0.5);
  return { engine, idle, median, p99: quantile(under, 0.99), ratio: median / idle, left, shutdown };
}

/** Of requests that follow each other on one connection. */
async function latencies({ origin }: ServerProcess): Promise<number[]> {
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
    const begun = performance.now();
    const outgoing = request(`${origin}/auth/me`, { agent, headers }).end();
    const [answer] = (await once(outgoing, 'response')) as [import('node:http').IncomingMessage];
    await once(answer.resume(), 'end');
    measured.push(performance.now() - begun);
    if (answer.statusCode !== 200) throw new Error(`It was answered with ${answer.statusCode}.`);
  }
  agent.destroy();
  return measured;
}

async function countExpired(settings: BenchDatabase['settings']): Promise<number> {
  const source = await new DataSource(dataSourceOptions(settings, entities)).initialize();
  try {
    return await source
      .createQueryBuilder(Session, 'session')
      .where('session.expiresAt < :now', { now: Date.now() })
      .getCount();
  } finally {
    await source.destroy();
  }
}
