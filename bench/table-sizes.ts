import type { DatabaseSettings } from '../src/config/app-config.js';
import { onDatabase } from './fill-database.js';

const TABLES = ['users', 'sessions', 'revoked_tokens', 'audit_entries'];

/** The bytes that a row of a table takes, with its share of pages that are not full. */
export interface TableSizes {
  table: string;
  rows: number;
  bytesPerRow: number;
  /** Of all indexes together, with that of the primary key. */
  indexBytesPerRow: number;
}

interface SizeRow {
  bytes: number | string;
  index_bytes: number | string;
}

/** SQLite counts the pages of tables and indexes (https://www.sqlite.org/dbstat.html). */
const SQLITE_SIZES = `
  SELECT SUM(CASE WHEN stat.name = item.tbl_name THEN pgsize ELSE 0 END) AS bytes,
         SUM(CASE WHEN stat.name = item.tbl_name THEN 0 ELSE pgsize END) AS index_bytes
  FROM dbstat stat JOIN sqlite_master item ON item.name = stat.name
  WHERE stat.aggregate = TRUE AND item.tbl_name = ?`;

const POSTGRES_SIZES = `
  SELECT pg_table_size(CAST($1 AS regclass)) AS bytes,
         pg_indexes_size(CAST($1 AS regclass)) AS index_bytes`;

export function sizesPerRow(settings: DatabaseSettings): Promise<TableSizes[]> {
  const sql = settings.engine === 'sqlite' ? SQLITE_SIZES : POSTGRES_SIZES;
  return onDatabase(settings, async (runner) => {
    const sizes: TableSizes[] = [];
    for (const table of TABLES) {
      const [counted] = (await runner.query(`SELECT COUNT(*) AS rows FROM ${table}`)) as [
        { rows: number | string },
      ];
      const [size] = (await runner.query(sql, [table])) as [SizeRow];
      const rows = Number(counted.rows);
      const perRow = (bytes: number | string): number => Number(bytes) / rows;
      const [bytesPerRow, indexBytesPerRow] = [perRow(size.bytes), perRow(size.index_bytes)];
      sizes.push({ table, rows, bytesPerRow, indexBytesPerRow });
    }
    return sizes;
  });
}
