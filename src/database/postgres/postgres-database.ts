import { AsyncLocalStorage } from 'node:async_hooks';
import type pg from 'pg';
import { DataSource, type EntityManager, type ObjectLiteral } from 'typeorm';
import { messageOf } from '../../errors/error-message.js';
import { StartError } from '../../errors/start-error.js';
import { retry } from '../../scheduling/retry.js';
import type { PostgresSettings } from '../../config/app-config.js';
import { missingSchemaOf } from '../missing-schema.js';
import { missingOf, postgresOptions } from '../data-source-options.js';
import { Database, type DatabaseLoad } from '../database.js';
import { codeOf } from '../driver-error.js';
import { MigrationSource } from '../migration-source.js';
import { withOutageAs503 } from '../outage.js';
import { ConnectionGroup, PostgresClient, type TimedQuery, timeouts } from './postgres-client.js';
import { ReadOnlyServer } from './postgres-migrations.js';
import { PostgresReplica } from './postgres-replica.js';
import {
  type BuildSelect,
  compileSelect,
  countingSql,
  expensiveReadQueue,
  hydrated,
  once,
  type ReadCaller,
  type Select,
  type Value,
} from '../select.js';
import { takeBounded } from '../bounded-rows.js';

/** PostgreSQL through a pool of connections. */
export class PostgresDatabase extends Database {
  private readonly inWrite = new AsyncLocalStorage<EntityManager>();
  private readonly options: ReturnType<typeof postgresOptions>;
  private readonly connections: ConnectionGroup;
  private readonly source: DataSource;
  /** Null without `DATABASE_REPLICA_URL`. */
  private readonly replica: PostgresReplica | null;
  /** Two at a time, which leaves most connections of the pool to other requests. */
  private readonly expensiveReads = expensiveReadQueue(2);

  constructor(settings: PostgresSettings) {
    super();
    this.options = postgresOptions(settings);
    this.connections = new ConnectionGroup(settings.prepare);
    const extra = { Client: PostgresClient, group: this.connections };
    this.source = new DataSource({ ...this.options, extra });
    this.replica = PostgresReplica.of(settings, (query) => this.read(query));
  }

  override async open(): Promise<void> {
    try {
      await this.migrate();
      await this.source.initialize();
      await this.replica?.start();
    } catch (error) {
      throw startErrorOf(error);
    }
  }

  override async close(): Promise<void> {
    await this.replica?.stop();
    if (this.source.isInitialized) await this.source.destroy();
  }

  /** Closes a connection that does not answer in time, and idle ones to a read-only server. */
  override async check(): Promise<void> {
    const text = "SELECT current_setting('transaction_read_only')";
    const [row] = await this.read({ text, timeout: timeouts.check });
    if (row?.[0] !== 'on') return;
    this.connections.dropIdle();
    throw new ReadOnlyServer('the server is read-only');
  }

  override async missingMigrations(): Promise<string[]> {
    const rows = await this.read({ text: 'SELECT name FROM migrations', timeout: timeouts.check });
    return missingOf(
      this.source,
      rows.map(([name]) => ({ name: String(name) })),
    );
  }

  override async missingSchema(): Promise<string[]> {
    const columns = await this.read({
      text: `SELECT table_name, column_name FROM information_schema.columns
             WHERE table_schema = current_schema()`,
    });
    const indexes = await this.read({
      text: 'SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()',
    });
    return missingSchemaOf(this.source.entityMetadatas, {
      columns: columns.map(([table, column]) => [String(table), String(column)] as const),
      indexes: indexes.map(([name]) => String(name)),
    });
  }

  override async write<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const outer = this.inWrite.getStore();
    if (outer) return work(outer);
    try {
      return await retry(
        () => this.source.transaction((manager) => this.inWrite.run(manager, () => work(manager))),
        isRolledBackByServer,
      );
    } catch (error) {
      // After a failover, connections to the old server may remain. New ones reach the new server.
      if (codeOf(error) === READ_ONLY) this.connections.dropIdle();
      throw withOutageAs503(error);
    }
  }

  override select<Entity extends ObjectLiteral, Parameter extends string>(
    build: BuildSelect<Entity, Parameter>,
  ): Select<Entity, Parameter> {
    const compile = once(() => compileSelect(this.source, build));
    const query = async (
      values: Record<string, Value>,
      caller?: ReadCaller,
    ): Promise<unknown[][]> => {
      const { sql, bind } = compile();
      const writer = this.inWrite.getStore();
      if (!writer) {
        const timeout = build.expensive === true ? timeouts.expensive : timeouts.query;
        return this.readFor(caller, { text: sql, values: bind(values), timeout });
      }
      const statement = build.lock ? `${sql} ${LOCKS[build.lock]}` : sql;
      const rows = await writer.query<ObjectLiteral[]>(statement, bind(values));
      // `pg` adds the members of a row in the order of the columns.
      return rows.map((row) => Object.values(row) as unknown[]);
    };
    // A write must not wait in the queue, because it holds a connection and locks.
    const run = (values: Record<string, Value>, caller?: ReadCaller) =>
      build.expensive === true && !this.inWrite.getStore()
        ? this.expensiveReads(caller, () => query(values, caller))
        : query(values, caller);
    const all = async (values: Record<string, Value>, caller?: ReadCaller) =>
      (await run(values, caller)).map(compile().hydrate);
    return {
      sql: () => compile().sql,
      all,
      bounded: async (values, caller, bytes) =>
        hydrated(takeBounded(await run(values, caller), bytes), compile().hydrate),
      first: async (...read) => (await all(...read))[0],
    };
  }

  override async count<Entity extends ObjectLiteral, Parameter extends string>(
    build: BuildSelect<Entity, Parameter>,
    values: Record<Parameter, Value>,
    max: number,
  ): Promise<number> {
    const compiled = compileSelect(this.source, build);
    const text = countingSql(compiled, max);
    const query = { text, values: compiled.bind(values), timeout: timeouts.expensive };
    const [row] = await this.expensiveReads(undefined, () => this.read(query));
    return Number(row?.[0]);
  }

  override load(): DatabaseLoad {
    const { totalCount, idleCount: idle, waitingCount: waiting } = this.pool;
    const replica = this.replica?.isUsable ?? null;
    return { engine: 'postgres', inUse: totalCount - idle, idle, waiting, replica };
  }

  /** Only the server reads its log. */
  override async clearLog(): Promise<boolean> {
    return true;
  }

  override listHolds(column: string, parameter: string): string {
    return `CAST(${column} AS jsonb) @> to_jsonb(CAST(${parameter} AS text))`;
  }

  protected override isUniqueViolation(error: unknown): boolean {
    return codeOf(error) === UNIQUE_VIOLATION;
  }

  /** Runs the migrations on a separate connection, without the timeouts of requests. */
  private async migrate(): Promise<void> {
    const source = new MigrationSource(this.options);
    await source.initialize();
    try {
      await source.runMigrations();
    } finally {
      await source.destroy();
    }
  }

  private get pool(): pg.Pool {
    return (this.source.driver as unknown as { master: pg.Pool }).master;
  }

  /** Reads from the replica, if the caller may see an earlier state. The primary stands in for it. */
  private async readFor(caller: ReadCaller | undefined, query: TimedQuery): Promise<unknown[][]> {
    if (!this.replica?.isUsable || caller?.mayLag !== true) return this.read(query);
    return this.replica.read(query).catch(() => this.read(query));
  }

  /** @throws ApiError 503 if the server cannot be reached or cannot work */
  private async read(query: TimedQuery): Promise<unknown[][]> {
    try {
      return (await this.pool.query<unknown[]>({ ...query, rowMode: 'array' })).rows;
    } catch (error) {
      throw withOutageAs503(error);
    }
  }
}

/** The two locks do not conflict, so a write may take one after the other. */
const LOCKS = { share: 'FOR KEY SHARE', exclusive: 'FOR NO KEY UPDATE' };

/** Codes of the PostgreSQL manual's appendix A. */
const UNIQUE_VIOLATION = '23505';
const DEADLOCK = '40P01';
const SERIALIZATION_FAILURE = '40001';
const READ_ONLY = '25006';

/**
 * Whether the server has rolled a write back, so that it may run again. PostgreSQL does that if writes wait
 * for each other's rows. Distributed databases that speak its protocol also do it if writes that do not
 * wait have changed the same rows (docs/scaling.md). SQLite runs one write at a time, and has neither.
 */
function isRolledBackByServer(error: unknown): boolean {
  const code = codeOf(error);
  return code === DEADLOCK || code === SERIALIZATION_FAILURE;
}

/** Tells the person who starts the service why the server cannot be used, and what to do. */
function startErrorOf(error: unknown): StartError {
  if (error instanceof StartError) return error;
  const reason =
    error instanceof ReadOnlyServer
      ? 'is read-only: it is a standby, or default_transaction_read_only is on. Use the address of the primary server.'
      : `cannot be used: ${messageOf(error)}. Is it running, and does the database exist?`;
  return new StartError(`The PostgreSQL server of DATABASE_URL ${reason}`, { cause: error });
}
