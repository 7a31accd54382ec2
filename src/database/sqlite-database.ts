import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type BetterSqlite3 from 'better-sqlite3';
import { DataSource, type EntityManager, type ObjectLiteral } from 'typeorm';
import { ApiError, serviceUnavailable } from '../common/api-error.js';
import { BoundedQueue } from '../common/bounded-queue.js';
import { type Entities, sqliteOptions } from './data-source-options.js';
import { Database } from './database.js';
import { codeOf } from './driver-error.js';
import { type BuildSelect, type CompiledSelect, compileSelect, type Select } from './select.js';
import { refuseDamagedFile, withSentence } from './sqlite-file.js';

type Connection = BetterSqlite3.Database;
type Statement = BetterSqlite3.Statement<unknown[], unknown[]>;

/** Writes in line before a caller is told to come back. */
const MAX_WAITING_WRITES = 1000;
/** How long a write waits for another process that holds the file, in milliseconds. */
const LOCK_PATIENCE = 5_000;
/** How long the start waits for another process that migrates, in milliseconds. */
const START_PATIENCE = 60_000;

/**
 * One SQLite file with two connections: one that only reads, one that writes, for one
 * transaction after the other. See docs/decisions/0002-one-writer.md.
 */
export class SqliteDatabase extends Database {
  private readonly writes = new BoundedQueue(1, MAX_WAITING_WRITES, 1);
  private readonly inWrite = new AsyncLocalStorage<EntityManager>();
  private readonly writer: DataSource;
  private readonly reader: DataSource;

  constructor(
    private readonly file: string,
    entities: Entities,
  ) {
    super();
    this.writer = new DataSource(sqliteOptions(file, entities));
    this.reader = new DataSource({ ...sqliteOptions(file, entities), readonly: true });
  }

  override async open(): Promise<void> {
    try {
      await untilUnlocked(() => this.writer.initialize(), START_PATIENCE);
      refuseDamagedFile(connectionOf(this.writer));
      await this.migrate();
      await this.reader.initialize();
    } catch (error) {
      await this.close();
      throw withSentence(this.file, error);
    }
  }

  override async close(): Promise<void> {
    for (const source of [this.reader, this.writer]) {
      if (source.isInitialized) await source.destroy();
    }
  }

  override async write<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const outer = this.inWrite.getStore();
    if (outer) return work(outer);
    return this.writes.run(async () => {
      await this.begin(LOCK_PATIENCE);
      return this.finish(() =>
        this.inWrite.run(this.writer.manager, () => work(this.writer.manager)),
      );
    });
  }

  override select<Entity extends ObjectLiteral, Parameter extends string>(
    build: BuildSelect<Entity, Parameter>,
  ): Select<Entity, Parameter> {
    let compiled: CompiledSelect<Entity> | undefined;
    const statements = new Map<DataSource, Statement>();
    const prepare = () => {
      const source = this.inWrite.getStore() ? this.writer : this.reader;
      compiled ??= compileSelect(this.reader, build);
      let statement = statements.get(source);
      if (!statement) {
        statement = connectionOf(source).prepare<unknown[], unknown[]>(compiled.sql).raw();
        statements.set(source, statement);
      }
      return { ...compiled, statement };
    };
    // Asynchronous in their signatures alone: better-sqlite3 answers at once.
    return {
      all: async (values) => {
        const { statement, order, hydrate } = prepare();
        return statement.all(...order.map((name) => values[name as Parameter])).map(hydrate);
      },
      first: async (values) => {
        const { statement, order, hydrate } = prepare();
        const row = statement.get(...order.map((name) => values[name as Parameter]));
        return row && hydrate(row);
      },
    };
  }

  override isUniqueViolation(error: unknown): boolean {
    return ['SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_CONSTRAINT_PRIMARYKEY'].includes(codeOf(error));
  }

  /**
   * The lock is taken before the migrations are read, so that of two processes that start on
   * the same empty file the second finds the work done; and all of it is one transaction, so
   * that one killed in the middle leaves nothing behind.
   */
  private async migrate(): Promise<void> {
    // SQLite rebuilds a table to alter it, which foreign keys would turn into deleted rows. The
    // pragma has no effect within a transaction, hence here.
    connectionOf(this.writer).pragma('foreign_keys = OFF');
    await this.begin(START_PATIENCE);
    await this.finish(() => this.writer.runMigrations({ transaction: 'none' }));
    connectionOf(this.writer).pragma('foreign_keys = ON');
  }

  /** IMMEDIATE takes the write lock now, rather than at the first write, where it could fail. */
  private async begin(patience: number): Promise<void> {
    await untilUnlocked(() => connectionOf(this.writer).exec('BEGIN IMMEDIATE'), patience);
  }

  private async finish<T>(work: () => Promise<T>): Promise<T> {
    const connection = connectionOf(this.writer);
    try {
      const result = await work();
      connection.exec('COMMIT');
      return result;
    } catch (error) {
      // Some failures (a full disk, say) have rolled back already.
      if (connection.inTransaction) connection.exec('ROLLBACK');
      throw error;
    }
  }
}

function connectionOf(source: DataSource): Connection {
  return (source.driver as unknown as { databaseConnection: Connection }).databaseConnection;
}

/**
 * better-sqlite3 blocks the event loop while it waits for a lock of another process, so its own
 * wait is short and the rest of the patience is spent here.
 */
async function untilUnlocked<T>(attempt: () => T | Promise<T>, patience: number): Promise<T> {
  const deadline = performance.now() + patience;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!codeOf(error).startsWith('SQLITE_BUSY')) throw error;
      if (performance.now() > deadline) {
        throw new ApiError(serviceUnavailable, { headers: { 'retry-after': '1' }, cause: error });
      }
    }
    await sleep(10);
  }
}
