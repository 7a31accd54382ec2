import type { DataSource } from 'typeorm';
import type { BetterSqlite3DataSourceOptions } from 'typeorm/driver/better-sqlite3/BetterSqlite3DataSourceOptions.js';
import type { PostgresDataSourceOptions } from 'typeorm/driver/postgres/PostgresDataSourceOptions.js';
import type { Database as Connection } from 'better-sqlite3';
import type { DatabaseSettings, PostgresSettings } from '../config/app-config.js';
import { packageInfo } from '../config/package-info.js';
import { loadedEntities } from './entities.js';
import { migrations } from './migrations.js';
import { loadSqliteDriver } from './sqlite/sqlite-driver.js';

/** Connections of the pool. PostgreSQL accepts 100 by default, enough for several instances. */
const POOL_SIZE = 10;

export function dataSourceOptions(settings: DatabaseSettings) {
  return settings.engine === 'sqlite' ? sqliteOptions(settings.file) : postgresOptions(settings);
}

export function sqliteOptions(file: string) {
  return {
    ...shared(),
    type: 'better-sqlite3',
    driver: loadSqliteDriver().Sqlite,
    database: file,
    // Only `createSqliteFile` creates files.
    fileMustExist: file !== ':memory:',
    // Milliseconds. A lock blocks the event loop for that time, so `untilUnlocked` does the rest.
    timeout: 5,
    prepareDatabase: (connection: unknown) => {
      const { pragma, readonly } = bind(connection as Connection);
      if (!readonly) pragma('journal_mode = WAL');
      // Overwrites deleted data, which would otherwise stay in free pages and in backups.
      pragma('secure_delete = ON');
      // An acknowledged write survives a power failure, and not only a killed process.
      pragma('synchronous = FULL');
    },
  } satisfies BetterSqlite3DataSourceOptions;
}

/** `PostgresClient` sets the timeouts of queries and transactions. */
export function postgresOptions({ url }: PostgresSettings) {
  return {
    ...shared(),
    type: 'postgres',
    url,
    poolSize: POOL_SIZE,
    // Every bigint here is a timestamp or a count below 2^53.
    parseInt8: true,
    connectTimeoutMS: 4_000,
    applicationName: packageInfo.name,
  } satisfies PostgresDataSourceOptions;
}

/**
 * Returns the names of migrations that are not among the rows of the table `migrations`. Rows with
 * unknown names are ignored: during a rolling upgrade, a later version has added them.
 */
export function missingOf({ migrations }: DataSource, rows: { name: string }[]): string[] {
  const applied = new Set(rows.map(({ name }) => name));
  return migrations
    .map((migration) => migration.name ?? migration.constructor.name)
    .filter((name) => !applied.has(name));
}

function shared() {
  return { entities: loadedEntities(), migrations, synchronize: false, logging: false } as const;
}

function bind(connection: Connection) {
  return { pragma: connection.pragma.bind(connection), readonly: connection.readonly };
}
