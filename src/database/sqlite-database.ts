import { Logger } from '@nestjs/common';
import type BetterSqlite3 from 'better-sqlite3';
import { DataSource, type EntityManager, type ObjectLiteral } from 'typeorm';
import { type Entities, missingOf, sqliteOptions } from './data-source-options.js';
import { Database } from './database.js';
import { codeOf, isLocked } from './driver-error.js';
import { withOutageAs503 } from './outage.js';
import {
  type BuildSelect,
  type CompiledSelect,
  compileSelect,
  hydrated,
  type Light,
  once,
  type ReadCaller,
  type Select,
  takeLight,
  type Value,
} from './select.js';
import {
  makeDatabaseFile,
  problemsOfModes,
  refuseDamagedFile,
  withSentence,
} from './sqlite-file.js';
import { SqliteThread } from './sqlite-thread.js';
import { SqliteWriter, untilUnlocked } from './sqlite-writer.js';

type Statement = BetterSqlite3.Statement<unknown[], unknown[]>;

/** How long the start waits for another process that migrates, in milliseconds. */
const START_PATIENCE = 60_000;

/**
 * One SQLite file with two connections: one that only reads, one that writes, for one
 * transaction after the other. See docs/decisions/0002-one-writer.md.
 */
export class SqliteDatabase extends Database {
  private readonly logger = new Logger(SqliteDatabase.name);
  private readonly writes: SqliteWriter;
  private readonly writer: DataSource;
  private readonly reader: DataSource;
  private readonly thread: SqliteThread;

  constructor(
    private readonly file: string,
    entities: Entities,
  ) {
    super();
    this.writer = new DataSource(sqliteOptions(file, entities));
    this.reader = new DataSource({ ...sqliteOptions(file, entities), readonly: true });
    this.thread = new SqliteThread(file);
    this.writes = new SqliteWriter(() => connectionOf(this.writer));
  }

  override async open(): Promise<void> {
    const deadline = performance.now() + START_PATIENCE;
    try {
      makeDatabaseFile(this.file);
      await untilUnlocked(() => this.writer.initialize(), deadline);
      refuseDamagedFile(connectionOf(this.writer));
      await this.migrate(deadline);
      await this.reader.initialize();
      for (const problem of problemsOfModes(this.file)) this.logger.warn(problem);
    } catch (error) {
      await this.close();
      throw withSentence(this.file, error);
    }
  }

  override async close(): Promise<void> {
    await this.thread.close();
    for (const source of [this.reader, this.writer]) {
      if (source.isInitialized) await source.destroy();
    }
  }

  override async check(): Promise<void> {
    // Reads the file, which `SELECT 1` would not.
    connectionOf(this.reader).pragma('schema_version');
  }

  override async missingMigrations(): Promise<string[]> {
    const rows = connectionOf(this.reader).prepare('SELECT name FROM migrations').all();
    return missingOf(this.writer, rows as { name: string }[]);
  }

  override async write<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    try {
      return await this.writes.run(() => work(this.writer.manager));
    } catch (error) {
      throw withOutageAs503(error);
    }
  }

  override select<Entity extends ObjectLiteral, Parameter extends string>(
    build: BuildSelect<Entity, Parameter>,
  ): Select<Entity, Parameter> {
    const compile = once(() => compileSelect(this.reader, build));
    const prepareOn = (source: DataSource) =>
      once(() => connectionOf(source).prepare<unknown[], unknown[]>(compile().sql).raw());
    const [onReader, onWriter] = [prepareOn(this.reader), prepareOn(this.writer)];
    const statement = (): Statement => (this.writes.active ? onWriter() : onReader());
    if (build.expensive === true) return this.selectInThread(compile, onWriter);
    // Asynchronous in their signatures alone: better-sqlite3 answers at once.
    return {
      all: async (values) => {
        const { bind, hydrate } = compile();
        return orUnavailable(() => statement().all(bind(values))).map(hydrate);
      },
      light: async (values, _caller, bytes) => {
        const { bind, hydrate } = compile();
        const read = () => takeLight(statement().iterate(bind(values)), bytes);
        return hydrated(orUnavailable(read), hydrate);
      },
      first: async (values) => {
        const { bind, hydrate } = compile();
        const row = orUnavailable(() => statement().get(bind(values)));
        return row && hydrate(row);
      },
    };
  }

  /** Unless it is part of a write, whose changes nobody else sees yet. */
  private selectInThread<Entity, Parameter extends string>(
    compile: () => CompiledSelect<Entity>,
    onWriter: () => Statement,
  ): Select<Entity, Parameter> {
    const all = async (
      values: Record<Parameter, Value>,
      caller?: ReadCaller,
    ): Promise<Entity[]> => {
      const { sql, bind, hydrate } = compile();
      const rows = this.writes.active
        ? orUnavailable(() => onWriter().all(bind(values)))
        : await this.thread.all(sql, bind(values), caller);
      return rows.map(hydrate);
    };
    const light = async (
      values: Record<Parameter, Value>,
      caller?: ReadCaller,
      bytes = 0,
    ): Promise<Light<Entity>> => {
      const { sql, bind, hydrate } = compile();
      const rows = this.writes.active
        ? orUnavailable(() => takeLight(onWriter().iterate(bind(values)), bytes))
        : await this.thread.light(sql, bind(values), caller, bytes);
      return hydrated(rows, hydrate);
    };
    return { all, light, first: async (...read) => (await all(...read))[0] };
  }

  override clearLog(): boolean {
    const connection = connectionOf(this.writer);
    if (connection.inTransaction) return false;
    try {
      return connection.pragma('wal_checkpoint(TRUNCATE)', { simple: true }) === 0;
    } catch (error) {
      if (isLocked(error)) return false;
      throw error;
    }
  }

  override listHolds(column: string, parameter: string): string {
    return `EXISTS (SELECT 1 FROM json_each(${column}) WHERE value = ${parameter})`;
  }

  protected override isUniqueViolation(error: unknown): boolean {
    return ['SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_CONSTRAINT_PRIMARYKEY'].includes(codeOf(error));
  }

  /**
   * The lock is taken before the migrations are read, so that of two processes that start on
   * the same empty file the second finds the work done; and all of it is one transaction, so
   * that one killed in the middle leaves nothing behind.
   */
  private async migrate(deadline: number): Promise<void> {
    // SQLite rebuilds a table to alter it, which foreign keys would turn into deleted rows. The
    // pragma has no effect within a transaction, hence here.
    connectionOf(this.writer).pragma('foreign_keys = OFF');
    await this.writes.transaction(
      () => this.writer.runMigrations({ transaction: 'none' }),
      deadline,
    );
    connectionOf(this.writer).pragma('foreign_keys = ON');
  }
}

/** @throws ApiError 503 where the file cannot be read */
function orUnavailable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw withOutageAs503(error);
  }
}

function connectionOf(source: DataSource): BetterSqlite3.Database {
  return (source.driver as unknown as { databaseConnection: BetterSqlite3.Database })
    .databaseConnection;
}
