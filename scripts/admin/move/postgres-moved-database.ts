import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { packageInfo } from '../../../src/config/package-info.js';
import { UNFINISHED_MIGRATIONS, UNFINISHED_MOVE } from '../../../src/database/unfinished-move.js';
import { StartError } from '../../../src/errors/start-error.js';
import type { Counters, MoveTarget, TableColumns } from './moved-database.js';
import { quotedList, readShapes, readTables, serialColumns } from './postgres-catalog.js';
import {
  BATCH,
  jsonText,
  type Kind,
  type Row,
  type TableShape,
  timestampText,
  type Value,
} from './table-shape.js';

/** The key of a lock that two moves to one database cannot both have. */
const MOVE_LOCK = 7_215_180_348;
/** Milliseconds in which the server notices that a connection was closed. */
const CLOSE_TIMEOUT = 3_000;
/** The maximum number of parameters of a statement. */
const MAX_PARAMETERS = 65_535;

/** A PostgreSQL database. Values are read as the texts that the server sends. */
export class PostgresMovedDatabase implements MoveTarget {
  private constructor(private readonly client: pg.Client) {}

  /** @throws StartError if instances of the service or another move are connected */
  static async open(url: string): Promise<PostgresMovedDatabase> {
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: 10_000,
      application_name: `${packageInfo.name} move`,
      types: { getTypeParser: () => (text: string) => text },
    });
    // A lost connection also fails the current query.
    client.on('error', () => undefined);
    await client.connect();
    try {
      await client.query(
        `SET statement_timeout = 0; SET lock_timeout = 0; SET TIME ZONE 'UTC';
         SET idle_in_transaction_session_timeout = 0; SET extra_float_digits = 1`,
      );
      await refuseOthers(client);
      return new PostgresMovedDatabase(client);
    } catch (error) {
      await client.end();
      throw error;
    }
  }

  async migrations(): Promise<string[]> {
    const table = (await this.has(UNFINISHED_MIGRATIONS)) ? UNFINISHED_MIGRATIONS : 'migrations';
    return (await this.has(table)) ? this.column(`SELECT name FROM ${table}`) : [];
  }

  tables(): Promise<TableColumns> {
    return readTables(this.client);
  }

  /** The tables with the types of their columns. A table comes after those that it refers to. */
  shapes(): Promise<TableShape[]> {
    return readShapes(this.client);
  }

  async count(table: string): Promise<number> {
    return Number((await this.column(`SELECT COUNT(*) FROM "${table}"`))[0]);
  }

  async *read(table: TableShape, after: readonly Value[] | null): AsyncGenerator<Row[]> {
    const { name, columns, key } = table;
    const keys = quotedList(key, { byCodePoints: true });
    const places = key.map((_, index) => `$${index + 1}`).join();
    const condition = after ? `WHERE (${keys}) > (${places})` : '';
    const sql = `SELECT ${quotedList(columns)} FROM "${name}" ${condition} ORDER BY ${keys}`;
    // A cursor needs a transaction. That of a snapshot is open already.
    const begins = this.client.getTransactionStatus() === 'I';
    if (begins) await this.client.query('START TRANSACTION READ ONLY');
    await this.client.query(`DECLARE moved_rows NO SCROLL CURSOR FOR ${sql}`, after?.map(sent));
    for (;;) {
      const query = { text: `FETCH ${BATCH} FROM moved_rows`, rowMode: 'array' as const };
      const { rows } = await this.client.query<(string | null)[]>(query);
      if (rows.length === 0) break;
      yield rows.map((row) => row.map((text, index) => valueOf(text, columns[index]!.kind)));
    }
    await this.client.query('CLOSE moved_rows');
    if (begins) await this.client.query('COMMIT');
  }

  async counters(): Promise<Counters> {
    const counters = new Map<string, bigint>();
    for (const { table, sequence } of await serialColumns(this.client)) {
      const [last] = await this.column(
        `SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM ${sequence}`,
      );
      counters.set(table, BigInt(last!));
    }
    return counters;
  }

  async renewSnapshot(): Promise<void> {
    await this.client.query('COMMIT');
    await this.client.query('START TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
  }

  async close(): Promise<void> {
    await this.client.end();
  }

  async unfinishedSource(): Promise<string | null> {
    if (!(await this.has(UNFINISHED_MOVE))) return null;
    return (await this.column(`SELECT source FROM ${UNFINISHED_MOVE}`))[0]!;
  }

  async begin(source: string): Promise<void> {
    const tables = [...(await this.tables()).keys()];
    await this.inTransaction(async () => {
      await this.client.query(`CREATE TABLE ${UNFINISHED_MOVE} (source text)`);
      await this.client.query(`INSERT INTO ${UNFINISHED_MOVE} VALUES ($1)`, [source]);
      for (const table of tables) {
        await this.client.query(`ALTER TABLE "${table}" DISABLE TRIGGER USER`);
      }
      await this.client.query(`ALTER TABLE migrations RENAME TO ${UNFINISHED_MIGRATIONS}`);
    });
  }

  async lastKey({ name, key }: TableShape): Promise<Row | null> {
    const order = quotedList(key, { byCodePoints: true, suffix: ' DESC' });
    const text = `SELECT ${quotedList(key)} FROM "${name}" ORDER BY ${order} LIMIT 1`;
    const { rows } = await this.client.query<(string | null)[]>({ text, rowMode: 'array' });
    return rows[0]?.map((value, index) => valueOf(value, key[index]!.kind)) ?? null;
  }

  async insert({ name, columns }: TableShape, rows: readonly Row[]): Promise<void> {
    const list = quotedList(columns);
    const size = Math.floor(MAX_PARAMETERS / columns.length);
    await this.inTransaction(async () => {
      for (let from = 0; from < rows.length; from += size) {
        const part = rows.slice(from, from + size);
        const places = part.map(
          (row, i) => `(${row.map((_, j) => `$${i * row.length + j + 1}`).join()})`,
        );
        const sql = `INSERT INTO "${name}" (${list}) VALUES ${places.join()}`;
        await this.client.query(sql, part.flat().map(sent));
      }
    });
  }

  async clear({ name }: TableShape): Promise<void> {
    await this.client.query(`DELETE FROM "${name}"`);
  }

  async finish(counters: Counters): Promise<void> {
    const tables = [...(await this.tables()).keys()];
    await this.inTransaction(async () => {
      for (const { table, column, sequence } of await serialColumns(this.client)) {
        const [max] = await this.column(`SELECT COALESCE(MAX("${column}"), 0) FROM "${table}"`);
        const last = [counters.get(table) ?? 0n, BigInt(max!)].reduce((a, b) => (a > b ? a : b));
        if (last > 0n) await this.client.query(`SELECT setval('${sequence}', ${last})`);
      }
      for (const table of tables) {
        await this.client.query(`ALTER TABLE "${table}" ENABLE TRIGGER USER`);
      }
      await this.client.query(`DROP TABLE ${UNFINISHED_MOVE}`);
      await this.client.query(`ALTER TABLE ${UNFINISHED_MIGRATIONS} RENAME TO migrations`);
    });
    // Without statistics, the first queries would be planned for empty tables.
    await this.client.query('ANALYZE');
  }

  private async has(table: string): Promise<boolean> {
    return (await this.column(`SELECT to_regclass('"${table}"')`))[0] !== null;
  }

  private async column(text: string): Promise<string[]> {
    const { rows } = await this.client.query<[string]>({ text, rowMode: 'array' });
    return rows.map(([value]) => value);
  }

  private async inTransaction(work: () => Promise<void>): Promise<void> {
    await this.client.query('START TRANSACTION');
    try {
      await work();
      await this.client.query('COMMIT');
    } catch (error) {
      await this.client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }
}

/**
 * Takes the lock of moves, and refuses other users of the database. An instance that is not connected at
 * the moment is not noticed; the comparison at the end notices what it writes.
 *
 * @throws StartError if others still use the database after `CLOSE_TIMEOUT`
 */
async function refuseOthers(client: pg.Client): Promise<void> {
  const end = performance.now() + CLOSE_TIMEOUT;
  let problem = await findOthers(client);
  while (problem !== null && performance.now() < end) {
    await sleep(100);
    problem = await findOthers(client);
  }
  if (problem !== null) throw new StartError(problem);
}

/** Describes the other user of the database; null if there is none. */
async function findOthers(client: pg.Client): Promise<string | null> {
  const { rows } = await client.query<{ count: string; locked: string }>(
    `SELECT (SELECT COUNT(*) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = $1) AS count,
            pg_try_advisory_lock($2) AS locked`,
    [packageInfo.name, MOVE_LOCK],
  );
  const name = `the database ${client.database} at ${client.host}`;
  if (rows[0]?.locked !== 't') return `Another move uses ${name}.`;
  return rows[0].count === '0'
    ? null
    : `A service uses ${name}. Stop all instances; nothing was changed.`;
}

/** The form that the server reads for any type of the column. */
function sent(value: Value): string | Buffer | null {
  return value === null || Buffer.isBuffer(value) ? value : String(value);
}

function valueOf(text: string | null, kind: Kind): Value {
  if (text === null) return null;
  if (kind === 'boolean') return text === 't';
  if (kind === 'integer') return BigInt(text);
  if (kind === 'number') return Number(text);
  if (kind === 'bytes') return Buffer.from(text.slice(2), 'hex');
  if (kind === 'timestamp') return timestampText(text);
  return kind === 'json' ? jsonText(text) : text;
}
