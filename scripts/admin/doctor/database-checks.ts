import { statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { AppConfig } from '../../../src/config/app-config.js';
import { FAILURE_RETENTION } from '../../../src/auth/throttle/login-delay.js';
import { migrations } from '../../../src/database/migrations.js';
import { sizesOf } from '../../../src/database/sqlite/sqlite-file.js';
import { UNFINISHED_MOVE, UNFINISHED_MOVE_MESSAGE } from '../../../src/database/unfinished-move.js';
import { EXPIRED_RETENTION } from '../../../src/sessions/expiry.service.js';
import { describeSize } from '../output.js';
import { type Finding, findings, orOk } from './finding.js';
import type { InspectedDatabase } from './inspected-database.js';

const GIGABYTE = 1_000_000_000;
/** The number of tables that the sizes name. */
const MAX_TABLES = 5;

const numberOf = (rows: readonly { value: number | string | null }[]): number =>
  Number(rows[0]?.value ?? 0);

/** @returns the names of the tables of the service */
export async function tablesOf(
  { database: { engine } }: AppConfig,
  database: InspectedDatabase,
): Promise<string[]> {
  const rows = await database.rows<{ name: string }>(
    engine === 'sqlite'
      ? `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name`
      : `SELECT table_name AS name FROM information_schema.tables
         WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name`,
  );
  return rows.map(({ name }) => name);
}

export async function checkMigrations(
  database: InspectedDatabase,
  tables: readonly string[],
): Promise<Finding[]> {
  const { ok, warning, problem } = findings('migrations');
  if (tables.includes(UNFINISHED_MOVE)) return [problem(UNFINISHED_MOVE_MESSAGE)];
  if (!tables.includes('migrations')) {
    return [warning('The database has no tables. The next start creates them.')];
  }
  const applied = (await database.rows<{ name: string }>('SELECT name FROM migrations')).map(
    ({ name }) => name,
  );
  const known = migrations.map(({ name }) => name);
  const missing = known.filter((name) => !applied.includes(name));
  const unknown = applied.filter((name) => !known.includes(name));
  return orOk(
    [
      ...(missing.length === 0
        ? []
        : [problem(`${missing.join(', ')} must still run. Start the service: it runs them.`)]),
      ...(unknown.length === 0
        ? []
        : [warning(`A later version has run ${unknown.join(', ')}. Use that version.`)]),
    ],
    ok(`All ${known.length} migrations have run.`),
  );
}

/** Compares the clock with that of the server, or with the latest timestamps of a SQLite file. */
export async function checkClock(
  { database: { engine }, jwtLeeway }: AppConfig,
  database: InspectedDatabase,
  tables: readonly string[],
): Promise<Finding[]> {
  const { ok, problem } = findings('clock');
  const before = Date.now();
  if (engine === 'postgres') {
    const rows = await database.rows<{ value: string }>(
      'SELECT EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS value',
    );
    const now = Date.now();
    // The server read its clock at some time between the two.
    const ahead = Math.max(before - numberOf(rows), numberOf(rows) - now, 0) / 1000;
    const text = `The clocks of this machine and of PostgreSQL differ by ${ahead.toFixed(1)} s`;
    return ahead <= jwtLeeway
      ? [ok(`${text}, which is within JWT_LEEWAY (${jwtLeeway} s).`)]
      : [problem(`${text}, more than JWT_LEEWAY (${jwtLeeway} s). Synchronize both (NTP).`)];
  }
  const latest = Math.max(
    ...(await Promise.all(
      [
        ['audit_entries', 'happened_at'],
        ['sessions', 'last_used_at'],
      ].map(async ([table, column]) =>
        tables.includes(table!)
          ? numberOf(await database.rows(`SELECT MAX(${column}) AS value FROM ${table}`))
          : 0,
      ),
    )),
  );
  if (latest <= Date.now() + jwtLeeway * 1000) {
    return [ok('No entry of the database is from the future.')];
  }
  const time = new Date(latest).toISOString();
  return [problem(`An entry is from the future (${time}). Set the clock of this machine (NTP).`)];
}

/** Whether a backup would fit on the disk of a SQLite file. */
export function checkDisk({ database }: AppConfig): Finding[] {
  if (database.engine === 'postgres') {
    return [findings('disk').ok('The disk is that of the PostgreSQL server, and is not checked.')];
  }
  const folder = dirname(database.file);
  const { bavail, bsize } = statfsSync(folder);
  return [diskFinding(folder, bavail * bsize, statSync(database.file).size)];
}

/**
 * @param free bytes
 * @param size of the database, in bytes
 */
export function diskFinding(folder: string, free: number, size: number): Finding {
  const { ok, warning } = findings('disk');
  const text = `${folder} has ${describeSize(free)} left`;
  if (free < 2 * size) {
    return warning(`${text}, less than twice the database. Free some space for backups.`);
  }
  return free < GIGABYTE ? warning(`${text}. Free some space.`) : ok(`${text}.`);
}

export async function checkSizes(
  config: AppConfig,
  database: InspectedDatabase,
  tables: readonly string[],
): Promise<Finding[]> {
  const { ok } = findings('sizes');
  const counts: [table: string, rows: number][] = [];
  for (const table of tables.filter((name) => name !== 'migrations')) {
    const rows = await database.rows<{ value: string }>(`SELECT COUNT(*) AS value FROM "${table}"`);
    counts.push([table, numberOf(rows)]);
  }
  const largest = counts.sort(([, one], [, other]) => other - one).slice(0, MAX_TABLES);
  const list = largest.map(([table, rows]) => `${table} ${rows.toLocaleString('en')}`).join(', ');
  const waiting = await countExpired(config, database, tables);
  const remedy = waiting > 0 ? '; the service removes them, or: npm run admin -- purge' : '';
  return [
    ok(`The database has ${await describeFiles(config, database)}.`),
    ok(`The largest tables, in rows: ${list || 'none'}.`),
    ok(`Expired rows that can be removed: ${waiting.toLocaleString('en')}${remedy}.`),
  ];
}

async function describeFiles(
  { database: settings }: AppConfig,
  database: InspectedDatabase,
): Promise<string> {
  if (settings.engine === 'postgres') {
    const sql = 'SELECT pg_database_size(current_database()) AS value';
    return describeSize(numberOf(await database.rows(sql)));
  }
  const { fileSize, logSize } = sizesOf(settings.file);
  return `${describeSize(fileSize)}, and its log ${describeSize(logSize)}`;
}

/** The rows that `npm run admin -- purge` removes. */
async function countExpired(
  { auditRetention }: AppConfig,
  database: InspectedDatabase,
  tables: readonly string[],
): Promise<number> {
  const now = Date.now();
  const old: [table: string, column: string, timestamp: number][] = [
    ['sessions', 'expires_at', now - EXPIRED_RETENTION],
    ['revoked_tokens', 'expires_at', now - EXPIRED_RETENTION],
    ['audit_entries', 'happened_at', now - auditRetention * 1000],
    ['login_failures', 'last_at', now - FAILURE_RETENTION],
  ];
  let count = 0;
  for (const [table, column, timestamp] of old.filter(([table]) => tables.includes(table))) {
    const sql = `SELECT COUNT(*) AS value FROM ${table} WHERE ${column} <= ${timestamp}`;
    count += numberOf(await database.rows(sql));
  }
  return count;
}
