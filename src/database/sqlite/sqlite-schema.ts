import type BetterSqlite3 from 'better-sqlite3';

/** The columns of all tables, each with its table, and the names of all indexes. */
export function schemaOf(connection: BetterSqlite3.Database) {
  const columns = connection
    .prepare<unknown[], [string, string]>(
      `SELECT item.name, field.name FROM sqlite_master item, pragma_table_info(item.name) field
       WHERE item.type = 'table'`,
    )
    .raw()
    .all();
  const indexes = connection
    .prepare<unknown[], string>("SELECT name FROM sqlite_master WHERE type = 'index'")
    .pluck()
    .all();
  return { columns, indexes };
}
