import { join } from 'node:path';
import pg from 'pg';
import { AppConfig, type DatabaseSettings } from '../src/config/app-config.js';

const POSTGRES = process.env.TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';
/** Fixed, so that a run replaces the database that a killed run left behind. */
const NAME = 'nest_rest_jwt_bench';

export interface BenchDatabase {
  url: string;
  settings: DatabaseSettings;
  remove: () => Promise<void>;
}

export function sqliteDatabase(folder: string, name = 'crates'): BenchDatabase {
  // The caller removes the folder, and with it the file.
  return describe(`sqlite:${join(folder, `${name}.sqlite`)}`, async () => undefined);
}

/**
 * @param suffix tells several databases of a benchmark apart
 * @returns null if no server answers
 */
export async function postgresDatabase(suffix = ''): Promise<BenchDatabase | null> {
  const name = NAME + suffix;
  const remove = () => onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  try {
    await remove();
  } catch (error) {
    console.error(`SKIPPED: PostgreSQL. ${String(error)} Set TEST_POSTGRES_URL to a server.`);
    return null;
  }
  await onServer(`CREATE DATABASE ${name}`);
  const url = new URL(POSTGRES);
  url.pathname = `/${name}`;
  return describe(url.href, remove);
}

function describe(url: string, remove: () => Promise<void>): BenchDatabase {
  return { url, settings: AppConfig.from({ DATABASE_URL: url }).database, remove };
}

async function onServer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: POSTGRES, connectionTimeoutMillis: 2000 });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
