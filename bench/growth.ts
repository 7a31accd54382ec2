import argon2 from 'argon2';
import { type BenchDatabase, postgresDatabase, sqliteDatabase } from './bench-databases.js';
import { type ComparedRequest, compareSizes, type Side } from './compare-sizes.js';
import { fillDatabase, onDatabase } from './fill-database.js';
import { GrowthRows, growthSize } from './growth-rows.js';
import { PASSWORD } from './growth-traffic.js';
import { CHEAP_COST, PRODUCTION_COST } from './hash-costs.js';
import { startProduct } from './product-server.js';
import { measureRemoval, type Purge } from './purge.js';
import { sizesPerRow, type TableSizes } from './table-sizes.js';

/** The large database has this many times the rows of the small one. */
const FACTOR = 100;
/** The share of the sessions and of the audit trail that expires for the measurement of the removal. */
const EXPIRED_SHARE = 0.3;
/** The time since they expired, in milliseconds; longer than `AUDIT_RETENTION`. */
const EXPIRED_FOR = 100 * 24 * 3600_000;
export interface GrowthOptions {
  /** The number of sessions, revoked tokens and audit entries of the large database, each. */
  rows: number;
  launches: number;
  rounds: number;
  seconds: number;
}

/** How a database of many rows differs from one with a hundredth of them. */
export interface Growth {
  engine: string;
  requests: ComparedRequest[];
  /** The time from the start of the process until it accepts requests, in milliseconds: medians. */
  start: Record<Side, number>;
  /** The memory of the process after the requests, in bytes: medians. */
  memory: Record<Side, number>;
  /** The sizes of the large database. */
  tables: TableSizes[];
  purge: Purge;
}

/** Measures on SQLite and, if a server answers, on PostgreSQL. */
export async function measureGrowth(folder: string, options: GrowthOptions): Promise<Growth[]> {
  const on = (small: BenchDatabase, large: BenchDatabase) =>
    measureOn({ small, large }, folder, options);
  const growths = [
    await on(sqliteDatabase(folder, 'growth-small'), sqliteDatabase(folder, 'growth-large')),
  ];
  const small = await postgresDatabase('_small');
  const large = small && (await postgresDatabase('_large'));
  try {
    if (small && large) growths.push(await on(small, large));
  } finally {
    await small?.remove();
    await large?.remove();
  }
  return growths;
}

async function measureOn(
  databases: Record<Side, BenchDatabase>,
  folder: string,
  options: GrowthOptions,
): Promise<Growth> {
  const { engine } = databases.large.settings;
  const hashes = await Promise.all(
    [PRODUCTION_COST, CHEAP_COST].map((cost) =>
      argon2.hash(PASSWORD, { type: argon2.argon2id, ...cost }),
    ),
  );
  const rows: Record<Side, GrowthRows> = {
    small: new GrowthRows(growthSize(Math.ceil(options.rows / FACTOR)), hashes),
    large: new GrowthRows(growthSize(options.rows), hashes),
  };
  for (const side of ['small', 'large'] as const) await create(databases[side], rows[side], folder);
  const tables = await sizesPerRow(databases.large.settings);
  const compared = await compareSizes({ ...options, databases, rows, folder });
  console.error(`${engine}: removal of expired rows …`);
  const purge = await measureRemoval(databases.large, folder, () => expireRows(databases.large));
  return { engine, ...compared, tables, purge };
}

/** The first start creates the tables. */
async function create(
  { url, settings }: BenchDatabase,
  rows: GrowthRows,
  folder: string,
): Promise<void> {
  const server = await startProduct(folder, `growth-${settings.engine}`, { url });
  await server.stop();
  await fillDatabase(settings, rows.sources);
}

/** Lets a part of the sessions and of the audit trail expire, which are removed at the same time. */
async function expireRows({ settings }: BenchDatabase): Promise<void> {
  const then = Date.now() - EXPIRED_FOR;
  await onDatabase(settings, async (runner) => {
    await runner.query(
      `UPDATE sessions SET expires_at = ${then}
       WHERE id IN (SELECT id FROM sessions ORDER BY id LIMIT ${limitOf('sessions')})`,
    );
    await runner.query(
      `UPDATE audit_entries SET happened_at = ${then}
       WHERE id IN (SELECT id FROM audit_entries ORDER BY id LIMIT ${limitOf('audit_entries')})`,
    );
    // Rows that expire by the passing of time leave no earlier versions behind.
    if (settings.engine === 'postgres') await runner.query('VACUUM ANALYZE');
  });
}

const limitOf = (table: string): string =>
  `(SELECT CAST(COUNT(*) * ${EXPIRED_SHARE} AS integer) FROM ${table})`;
