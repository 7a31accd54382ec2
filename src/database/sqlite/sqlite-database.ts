import { Logger } from '@nestjs/common';
import type BetterSqlite3 from 'better-sqlite3';
import { DataSource, type EntityManager, type ObjectLiteral } from 'typeorm';
import type { SqliteSettings } from '../../config/app-config.js';
import { missingOf, sqliteOptions } from '../data-source-options.js';
import { Database, type DatabaseLoad } from '../database.js';
import { codeOf, isLocked } from '../driver-error.js';
import { MigrationSource } from '../migration-source.js';
import { missingSchemaOf } from '../missing-schema.js';
import { withOutageAs503 } from '../outage.js';
import {
  type BuildSelect,
  type CompiledSelect,
  compileSelect,
  countingSql,
  hydrated,
  type BoundedRows,
  once,
  type ReadCaller,
  type Select,
  type Value,
} from '../select.js';
import { takeBounded } from '../bounded-rows.js';
import { connectionOf } from './sqlite-connection.js';
import { SqliteFileWatch } from './sqlite-file-watch.js';
import {
  prepareSqliteFile,
  fileModeWarnings,
  refuseDamagedFile,
  sizesOf,
  startErrorOf,
} from './sqlite-file.js';
import { schemaOf } from './sqlite-schema.js';
import { SqliteReadThread } from './sqlite-read-thread.js';
import { SqliteWriter, untilUnlocked } from './sqlite-writer.js';

type Statement = BetterSqlite3.Statement<unknown[], unknown[]>;

/** How long the start waits for a lock of another process on the file, in milliseconds. */
const START_LOCK_TIMEOUT = 60_000;
/** The most rows that are read at once, in half the time. One by one, a read can stop early. */
const MAX_AT_ONCE = 101;

/**
 * A SQLite file with two connections: one only reads, and the other runs one write transaction
 * after another. See docs/decisions/0002-one-writer.md.
 */
export class SqliteDatabase extends Database {
  private readonly logger = new Logger(SqliteDatabase.name);
  private readonly writes: SqliteWriter;
  private readonly writer: MigrationSource;
  private readonly reader: DataSource;
  private readonly thread: SqliteReadThread;
  private readonly watch: SqliteFileWatch;

  constructor(private readonly settings: SqliteSettings) {
    super();
    const { file } = settings;
    this.writer = new MigrationSource(sqliteOptions(file));
    this.reader = new DataSource({ ...sqliteOptions(file), readonly: true });
    this.thread = new SqliteReadThread(file);
    this.watch = new SqliteFileWatch(file);
    this.writes = new SqliteWriter(
      () => connectionOf(this.writer),
      () => this.watch.requireFilesNow(),
    );
  }

  override async open(): Promise<void> {
    const deadline = performance.now() + START_LOCK_TIMEOUT;
    const { file } = this.settings;
    try {
      await prepareSqliteFile(this.settings);
      await untilUnlocked(() => this.writer.initialize(), deadline);
      refuseDamagedFile(connectionOf(this.writer));
      await this.writer.runMigrations();
      await this.reader.initialize();
      this.watch.start();
      for (const problem of fileModeWarnings(file)) this.logger.warn(problem);
    } catch (error) {
      await this.close();
      throw startErrorOf(file, error);
    }
  }

  override async close(): Promise<void> {
    this.watch.stop();
    await this.thread.close();
    for (const source of [this.reader, this.writer]) {
      if (source.isInitialized) await source.destroy();
    }
  }

  override async check(): Promise<void> {
    this.watch.requireFilesNow();
    // This reads the file; `SELECT 1` would not.
    connectionOf(this.reader).pragma('schema_version');
  }

  override async missingMigrations(): Promise<string[]> {
    const rows = connectionOf(this.reader).prepare('SELECT name FROM migrations').all();
    return missingOf(this.writer, rows as { name: string }[]);
  }

  override async missingSchema(): Promise<string[]> {
    return missingSchemaOf(this.reader.entityMetadatas, schemaOf(connectionOf(this.reader)));
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
    const prepared = once(() => compileSelect(this.reader, build));
    const compile = (): CompiledSelect<Entity> => {
      // The thread of expensive reads may be about to open the file.
      if (build.expensive === true) this.watch.requireFilesNow();
      else this.watch.requireFiles();
      return prepared();
    };
    const prepareOn = (source: DataSource) =>
      once(() => connectionOf(source).prepare<unknown[], unknown[]>(compile().sql).raw());
    const [onReader, onWriter] = [prepareOn(this.reader), prepareOn(this.writer)];
    const statement = (): Statement => (this.writes.active ? onWriter() : onReader());
    if (build.expensive === true) return this.selectInThread(compile, onWriter);
    // Only the signatures are asynchronous: better-sqlite3 is synchronous.
    return {
      sql: () => compile().sql,
      all: async (values) => {
        const { bind, hydrate } = compile();
        return orUnavailable(() => statement().all(bind(values))).map(hydrate);
      },
      bounded: async (values, _caller, bytes) => {
        const { bind, hydrate } = compile();
        const isSmall = build.limit !== undefined && Number(values[build.limit]) <= MAX_AT_ONCE;
        const read = () =>
          takeBounded(statement()[isSmall ? 'all' : 'iterate'](bind(values)), bytes);
        return hydrated(orUnavailable(read), hydrate);
      },
      first: async (values) => {
        const { bind, hydrate } = compile();
        const row = orUnavailable(() => statement().get(bind(values)));
        return row && hydrate(row);
      },
    };
  }

  /** A read within a write uses the writer's connection, because only that sees its changes. */
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
    const bounded = async (
      values: Record<Parameter, Value>,
      caller?: ReadCaller,
      bytes = 0,
    ): Promise<BoundedRows<Entity>> => {
      const { sql, bind, hydrate } = compile();
      const rows = this.writes.active
        ? orUnavailable(() => takeBounded(onWriter().iterate(bind(values)), bytes))
        : await this.thread.bounded(sql, bind(values), caller, bytes);
      return hydrated(rows, hydrate);
    };
    const sql = () => compile().sql;
    return { sql, all, bounded, first: async (...read) => (await all(...read))[0] };
  }

  override async count<Entity extends ObjectLiteral, Parameter extends string>(
    build: BuildSelect<Entity, Parameter>,
    values: Record<Parameter, Value>,
    max: number,
  ): Promise<number> {
    this.watch.requireFilesNow();
    const compiled = compileSelect(this.reader, build);
    const [row] = await this.thread.all(countingSql(compiled, max), compiled.bind(values));
    return Number(row?.[0]);
  }

  override load(): DatabaseLoad {
    const { file } = this.settings;
    return { engine: 'sqlite', queuedWrites: this.writes.queued, ...sizesOf(file) };
  }

  override clearLog(): Promise<boolean> {
    return this.writes.outsideTransactions((connection) => {
      try {
        return connection.pragma('wal_checkpoint(TRUNCATE)', { simple: true }) === 0;
      } catch (error) {
        if (isLocked(error)) return false;
        throw error;
      }
    }, false);
  }

  override listHolds(column: string, parameter: string): string {
    return `EXISTS (SELECT 1 FROM json_each(${column}) WHERE value = ${parameter})`;
  }

  protected override isUniqueViolation(error: unknown): boolean {
    return ['SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_CONSTRAINT_PRIMARYKEY'].includes(codeOf(error));
  }
}

/** @throws ApiError 503 if the file cannot be read */
function orUnavailable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw withOutageAs503(error);
  }
}
