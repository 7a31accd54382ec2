import type { Row, TableShape, Value } from './table-shape.js';

/** Tables that are not moved: the target has its own. */
export const OWN_TABLES = [
  'migrations',
  'typeorm_metadata',
  'unfinished_move',
  'unfinished_migrations',
];

/** Names of columns by table. */
export type TableColumns = ReadonlyMap<string, readonly string[]>;

/** The last id that a table has given to a row, by table. Deleted rows count. */
export type Counters = ReadonlyMap<string, bigint>;

/** The database that is moved, or the one that it is moved to. */
export interface MovedDatabase {
  /** The names of the migrations that have run. */
  migrations(): Promise<string[]>;
  /** All tables except `OWN_TABLES`. */
  tables(): Promise<TableColumns>;
  count(table: string): Promise<number>;
  /** Rows in batches, in the order of the primary key by code points. */
  read(table: TableShape, after: readonly Value[] | null): AsyncIterable<readonly Row[]>;
  counters(): Promise<Counters>;
  /** Later reads see what was committed until now. */
  renewSnapshot(): Promise<void>;
  close(): Promise<void>;
}

/** The database that rows are moved to. */
export interface MoveTarget extends MovedDatabase {
  /** The source of an interrupted move; null if there is none. */
  unfinishedSource(): Promise<string | null>;
  /** Makes the database unusable for the service until `finish`. Its triggers no longer run. */
  begin(source: string): Promise<void>;
  /** The primary key of the last row; null if the table is empty. */
  lastKey(table: TableShape): Promise<Row | null>;
  insert(table: TableShape, rows: readonly Row[]): Promise<void>;
  clear(table: TableShape): Promise<void>;
  /** Makes the database usable, in one transaction. */
  finish(counters: Counters): Promise<void>;
}
