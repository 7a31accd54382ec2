import type BetterSqlite3 from 'better-sqlite3';
import type { DataSource } from 'typeorm';

/** The driver's own connection of an initialized data source on SQLite. */
export function connectionOf(source: DataSource): BetterSqlite3.Database {
  return (source.driver as unknown as { databaseConnection: BetterSqlite3.Database })
    .databaseConnection;
}
