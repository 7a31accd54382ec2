import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { loadSqliteDriver } from '../../src/database/sqlite/sqlite-driver.js';

declare const TEST_ENGINE: 'sqlite' | 'postgres';
declare const TEST_POSTGRES_URL: string;

/** The database that this run of the suite is about. */
export const engine = TEST_ENGINE;

export interface TestDatabase {
  /** For `DATABASE_URL`. */
  url: string;
  /** A folder of the test's own, which goes with the database. */
  folder: string;
  /** What makes a service use both, and no key that lies elsewhere. */
  settings: { DATABASE_URL: string; JWT_KEYS_FILE: string };
  drop(): Promise<void>;
}

/** An empty database that no other test has. */
export async function createDatabase(): Promise<TestDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'nest-rest-jwt-'));
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
  const settingsFor = (url: string) => ({
    DATABASE_URL: url,
    JWT_KEYS_FILE: join(folder, 'jwt-keys.json'),
  });
  if (engine === 'sqlite') {
    const url = `sqlite:${join(folder, 'app.sqlite')}`;
    return {
      url,
      folder,
      settings: settingsFor(url),
      drop: async () => removeFolder(),
    };
  }
  const name = `test_${randomBytes(6).toString('hex')}`;
  await onServer(`CREATE DATABASE ${name}`);
  const url = new URL(TEST_POSTGRES_URL);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    folder,
    settings: settingsFor(url.href),
    drop: async () => {
      removeFolder();
      await onServer(`DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

/** Blocks all writes and no reads. Call the function that it returns to end this. */
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
