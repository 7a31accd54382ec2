import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { loadSqliteDriver } from '../../src/database/sqlite/sqlite-driver.js';

declare const TEST_ENGINE: 'sqlite' | 'postgres';
declare const TEST_POSTGRES_URL: string;

/** The database engine of this run of the suite. */
export const engine = TEST_ENGINE;

export interface TestDatabase {
  /** The value of `DATABASE_URL`. */
  url: string;
  /** A folder for the test. `drop` deletes it with the database. */
  folder: string;
  /** The settings of a service that uses the database, and keeps its keys in the folder. */
  settings: { DATABASE_URL: string; JWT_KEYS_FILE: string };
  drop(): Promise<void>;
}

/** Creates an empty database for one test. */
export function createDatabase(): Promise<TestDatabase> {
  return engine === 'sqlite' ? createSqliteDatabase() : createPostgresDatabase();
}

/**
 * Creates a database for an application that runs the migrations, if they have not run. On PostgreSQL
 * they have: they take longer than most tests, so each spec runs them once, and copies the result.
 */
export async function createMigratedDatabase(): Promise<TestDatabase> {
  if (engine === 'sqlite') return createSqliteDatabase();
  return createPostgresDatabase(nameOf(await (template ??= createTemplate())));
}

/** The name of a database on PostgreSQL. */
const nameOf = ({ url }: TestDatabase): string => new URL(url).pathname.slice(1);

let template: Promise<TestDatabase> | undefined;

/** `drop-template.ts` calls it at the end of each spec. */
export async function dropTemplate(): Promise<void> {
  await (await template)?.drop();
}

async function createTemplate(): Promise<TestDatabase> {
  // Imported here, because some specs replace modules of the application before they import it.
  const { AppConfig } = await import('../../src/config/app-config.js');
  const { dataSourceOptions } = await import('../../src/database/data-source-options.js');
  const { MigrationSource } = await import('../../src/database/migration-source.js');
  const created = await createPostgresDatabase();
  const settings = AppConfig.from({ DATABASE_URL: created.url }).database;
  const source = await new MigrationSource(dataSourceOptions(settings)).initialize();
  await source.runMigrations();
  await source.destroy();
  // pgbouncer keeps its connections to the server, and a database in use cannot be copied.
  await onServer(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE datname = '${nameOf(created)}'`);
  return created;
}

/** Names a SQLite file that does not exist yet. */
export async function createSqliteDatabase(): Promise<TestDatabase> {
  const folder = createFolder();
  const url = `sqlite:${join(folder, 'app.sqlite')}`;
  return {
    url,
    folder,
    settings: settingsFor(url, folder),
    drop: async () => removeFolder(folder),
  };
}

async function createPostgresDatabase(copied = 'template1'): Promise<TestDatabase> {
  const folder = createFolder();
  const name = `test_${randomBytes(6).toString('hex')}`;
  await onServer(`CREATE DATABASE ${name} TEMPLATE ${copied}`);
  const url = new URL(TEST_POSTGRES_URL);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    folder,
    settings: settingsFor(url.href, folder),
    drop: async () => {
      removeFolder(folder);
      await onServer(`DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

const createFolder = (): string => mkdtempSync(join(tmpdir(), 'nest-rest-jwt-'));

const removeFolder = (folder: string): void => rmSync(folder, { recursive: true, force: true });

const settingsFor = (url: string, folder: string) => ({
  DATABASE_URL: url,
  JWT_KEYS_FILE: join(folder, 'jwt-keys.json'),
});

/** Blocks all writes, but no reads, until the returned function is called. */
export async function holdWrites({ url, folder }: TestDatabase): Promise<() => Promise<void>> {
  if (engine === 'sqlite') {
    const { Sqlite } = loadSqliteDriver();
    const holder = new Sqlite(join(folder, 'app.sqlite'));
    holder.exec('BEGIN IMMEDIATE');
    return async () => {
      holder.exec('COMMIT');
      holder.close();
    };
  }
  const holder = new pg.Client({ connectionString: url });
  await holder.connect();
  await holder.query('BEGIN; LOCK TABLE users, sessions IN EXCLUSIVE MODE');
  return async () => {
    await holder.query('COMMIT');
    await holder.end();
  };
}

async function onServer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: TEST_POSTGRES_URL });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
