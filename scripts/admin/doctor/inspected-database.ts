import { existsSync, statSync } from 'node:fs';
import pg from 'pg';
import type { DatabaseSettings, SqliteSettings } from '../../../src/config/app-config.js';
import { loadSqliteDriver } from '../../../src/database/sqlite/sqlite-driver.js';
import {
  emptyFileMessage,
  missingFileMessage,
  refuseDamagedFile,
  startErrorOf,
} from '../../../src/database/sqlite/sqlite-file.js';
import { StartError } from '../../../src/errors/start-error.js';

/** A database that is only read. */
export interface InspectedDatabase {
  rows<Row>(sql: string): Promise<Row[]>;
  close(): Promise<void>;
}

/** @throws Error if the database cannot be read */
export function inspect(settings: DatabaseSettings): Promise<InspectedDatabase> {
  return settings.engine === 'sqlite' ? inspectSqlite(settings) : inspectPostgres(settings.url);
}

/**
 * Opens a SQLite file, and leaves its folder as it is. A connection that is read-only would leave the
 * log behind that it creates, so it is only used if there is a log. Another connection would write the
 * log of a killed service to the database when it is closed.
 */
async function inspectSqlite({ file }: SqliteSettings): Promise<InspectedDatabase> {
  if (!existsSync(file)) throw new StartError(missingFileMessage(file));
  if (statSync(file).size === 0) throw new StartError(emptyFileMessage(file));
  const { Sqlite } = loadSqliteDriver();
  const readonly = existsSync(`${file}-wal`);
  const connection = new Sqlite(file, { readonly, fileMustExist: true, timeout: 1000 });
  try {
    connection.pragma('query_only = ON');
    refuseDamagedFile(connection);
  } catch (error) {
    connection.close();
    throw startErrorOf(file, error);
  }
  return {
    rows: async <Row>(sql: string) => connection.prepare<[], Row>(sql).all(),
    close: async () => void connection.close(),
  };
}

async function inspectPostgres(url: string): Promise<InspectedDatabase> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 4_000 });
  // A lost connection also fails the query.
  client.on('error', () => undefined);
  await client.connect();
  await client.query('START TRANSACTION READ ONLY');
  return {
    rows: async <Row>(sql: string) => (await client.query(sql)).rows as Row[],
    close: () => client.end(),
  };
}
