import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

declare const TEST_ENGINE: 'sqlite' | 'postgres';
declare const TEST_POSTGRES_URL: string;

/** The database that this run of the suite is about. */
export const engine = TEST_ENGINE;

export interface TestDatabase {
  /** For `DATABASE_URL`. */
  url: string;
  /** A folder of the test's own, which goes with the database. */
  folder: string;
  drop(): Promise<void>;
}

/** An empty database that no other test has. */
export async function createDatabase(): Promise<TestDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'nest-rest-jwt-'));
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
  if (engine === 'sqlite') {
    return {
      url: `sqlite:${join(folder, 'app.sqlite')}`,
      folder,
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
    drop: async () => {
      removeFolder();
      await onServer(`DROP DATABASE ${name} WITH (FORCE)`);
    },
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
