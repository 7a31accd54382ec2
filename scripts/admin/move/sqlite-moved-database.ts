import { existsSync } from 'node:fs';
import type { Database as Connection } from 'better-sqlite3';
import { isLocked } from '../../../src/database/driver-error.js';
import { loadSqliteDriver } from '../../../src/database/sqlite/sqlite-driver.js';
import { missingFileMessage } from '../../../src/database/sqlite/sqlite-file.js';
import { UNFINISHED_MIGRATIONS, UNFINISHED_MOVE } from '../../../src/database/unfinished-move.js';
import { StartError } from '../../../src/errors/start-error.js';
import { type Counters, type MoveTarget, OWN_TABLES, type TableColumns } from './moved-database.js';
import {
  BATCH,
  jsonText,
  type Kind,
  type Row,
  type TableShape,
  timestampText,
  type Value,
} from './table-shape.js';

type Stored = null | bigint | number | string | Buffer;

/** A SQLite file that no other process can use meanwhile. */
export class SqliteMovedDatabase implements MoveTarget {
  private constructor(private readonly connection: Connection) {}

  /** @throws StartError if the file is missing, or a process uses it */
  static open(file: string): SqliteMovedDatabase {
    if (!existsSync(file)) throw new StartError(missingFileMessage(file));
    const { Sqlite } = loadSqliteDriver();
    const connection = new Sqlite(file, { fileMustExist: true, timeout: 1000 });
    try {
      // A connection of another process holds a shared lock for as long as it is open.
      connection.pragma('locking_mode = EXCLUSIVE');
      connection.exec('BEGIN EXCLUSIVE; COMMIT');
      connection.pragma('foreign_keys = OFF');
      connection.pragma('synchronous = FULL');
      return new SqliteMovedDatabase(connection);
    } catch (error) {
      connection.close();
      if (!isLocked(error)) throw error;
      throw new StartError(`A process uses ${file}. Stop the service; nothing was changed.`);
    }
  }

  async migrations(): Promise<string[]> {
    const table = this.has(UNFINISHED_MIGRATIONS) ? UNFINISHED_MIGRATIONS : 'migrations';
    return this.has(table) ? this.column(`SELECT name FROM ${table}`) : [];
  }

  async tables(): Promise<TableColumns> {
    const names = this.column<string>(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
    ).filter((name) => !OWN_TABLES.includes(name));
    return new Map(
      names.map((name) => [name, this.column(`SELECT name FROM pragma_table_info('${name}')`)]),
    );
  }

  async count(table: string): Promise<number> {
    return this.column<number>(`SELECT COUNT(*) FROM "${table}"`)[0]!;
  }

  async *read(
    { name, columns, key }: TableShape,
    after: readonly Value[] | null,
  ): AsyncGenerator<Row[]> {
    const keys = key.map((column) => `"${column.name}"`).join();
    const condition = after ? `WHERE (${keys}) > (${after.map(() => '?').join()})` : '';
    const list = columns.map((column) => `"${column.name}"`).join();
    const rows = this.connection
      .prepare<Stored[], Stored[]>(`SELECT ${list} FROM "${name}" ${condition} ORDER BY ${keys}`)
      .raw()
      .safeIntegers()
      .iterate(...(after ?? []).map(stored));
    let batch: Row[] = [];
    for (const row of rows) {
      batch.push(row.map((value, index) => valueOf(value, columns[index]!.kind)));
      if (batch.length < BATCH) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  }

  async counters(): Promise<Counters> {
    if (!this.has('sqlite_sequence')) return new Map();
    const rows = this.connection
      .prepare<[], [string, bigint]>('SELECT name, seq FROM sqlite_sequence')
      .raw()
      .safeIntegers()
      .all();
    return new Map(rows);
  }

  /** No other process can change the file. */
  async renewSnapshot(): Promise<void> {}

  async close(): Promise<void> {
    this.connection.close();
  }

  async unfinishedSource(): Promise<string | null> {
    return this.has(UNFINISHED_MOVE)
      ? this.column<string>(`SELECT source FROM ${UNFINISHED_MOVE}`)[0]!
      : null;
  }

  async begin(source: string): Promise<void> {
    const triggers = this.connection
      .prepare<[], { name: string; sql: string }>(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'",
      )
      .all();
    this.connection.transaction(() => {
      this.connection.exec(`CREATE TABLE ${UNFINISHED_MOVE} (source text, triggers text)`);
      this.connection
        .prepare(`INSERT INTO ${UNFINISHED_MOVE} VALUES (?, ?)`)
        .run(source, JSON.stringify(triggers.map(({ sql }) => sql)));
      for (const { name } of triggers) this.connection.exec(`DROP TRIGGER "${name}"`);
      this.connection.exec(`ALTER TABLE migrations RENAME TO ${UNFINISHED_MIGRATIONS}`);
    })();
  }

  async lastKey({ name, key }: TableShape): Promise<Row | null> {
    const list = key.map((column) => `"${column.name}"`);
    const order = list.map((column) => `${column} DESC`).join();
    const row = this.connection
      .prepare<[], Stored[]>(`SELECT ${list.join()} FROM "${name}" ORDER BY ${order} LIMIT 1`)
      .raw()
      .safeIntegers()
      .get();
    return row?.map((value, index) => valueOf(value, key[index]!.kind)) ?? null;
  }

  async insert({ name, columns }: TableShape, rows: readonly Row[]): Promise<void> {
    const list = columns.map((column) => `"${column.name}"`).join();
    const places = columns.map(() => '?').join();
    const statement = this.connection.prepare<Stored[]>(
      `INSERT INTO "${name}" (${list}) VALUES (${places})`,
    );
    this.connection.transaction(() => {
      for (const row of rows) statement.run(...row.map(stored));
    })();
  }

  async clear({ name }: TableShape): Promise<void> {
    this.connection.exec(`DELETE FROM "${name}"`);
  }

  async finish(counters: Counters): Promise<void> {
    const [triggers] = this.column<string>(`SELECT triggers FROM ${UNFINISHED_MOVE}`);
    this.connection.transaction(() => {
      for (const [table, last] of counters) {
        this.connection.prepare('DELETE FROM sqlite_sequence WHERE name = ?').run(table);
        this.connection.prepare('INSERT INTO sqlite_sequence VALUES (?, ?)').run(table, last);
      }
      for (const sql of JSON.parse(triggers!) as string[]) this.connection.exec(sql);
      this.connection.exec(`DROP TABLE ${UNFINISHED_MOVE}`);
      this.connection.exec(`ALTER TABLE ${UNFINISHED_MIGRATIONS} RENAME TO migrations`);
    })();
    this.connection.pragma('wal_checkpoint(TRUNCATE)');
  }

  private has(table: string): boolean {
    const statement = this.connection.prepare('SELECT 1 FROM sqlite_master WHERE name = ?');
    return statement.get(table) !== undefined;
  }

  private column<T>(sql: string): T[] {
    return this.connection.prepare<[], T>(sql).pluck().all();
  }
}

/** SQLite has no booleans. */
function stored(value: Value): Stored {
  return typeof value === 'boolean' ? BigInt(value) : value;
}

function valueOf(value: Stored, kind: Kind): Value {
  if (value === null || Buffer.isBuffer(value)) return value;
  if (kind === 'boolean') return BigInt(value) !== 0n;
  if (kind === 'integer') return BigInt(value);
  if (kind === 'number') return Number(value);
  if (kind === 'timestamp') return timestampText(String(value));
  return kind === 'json' ? jsonText(String(value)) : String(value);
}
