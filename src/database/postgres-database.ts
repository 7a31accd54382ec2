import { AsyncLocalStorage } from 'node:async_hooks';
import { DataSource, type EntityManager, type ObjectLiteral } from 'typeorm';

import { unavailable } from '../common/api-error.js';
import { StartError } from '../common/start-error.js';
import { type Entities, missingOf, postgresOptions } from './data-source-options.js';
import { Database } from './database.js';
import { codeOf } from './driver-error.js';
import {
  type BuildSelect,
  compileSelect,
  expensiveReadQueue,
  hydrated,
  once,
  type ReadCaller,
  type Select,
  takeLight,
  type Value,
} from './select.js';

/** Any number that no other user of the same database takes; it names the lock of the migrations. */
const MIGRATION_LOCK = 7_215_180_347;

/** PostgreSQL through a pool of connections. */
export class PostgresDatabase extends Database {
  private readonly inWrite = new AsyncLocalStorage<EntityManager>();
  private readonly options: ReturnType<typeof postgresOptions>;
  private readonly source: DataSource;
  /** Leaves most connections of the pool to others. */
  private readonly inTurn = expensiveReadQueue(2);

  constructor(url: string, entities: Entities) {
    super();
    this.options = postgresOptions(url, entities);
    this.source = new DataSource(this.options);
  }

  override async open(): Promise<void> {
    try {
      await this.migrate();
      await this.source.initialize();
    } catch (error) {
      throw new StartError(
        `The PostgreSQL server of DATABASE_URL cannot be used: ${error instanceof Error ? error.message : String(error)}. Is it running, and does the database exist?`,
        { cause: error },
      );
    }
  }

  override async close(): Promise<void> {
    if (this.source.isInitialized) await this.source.destroy();
  }

  override async check(): Promise<void> {
    await this.source.query('SELECT 1');
  }

  override async missingMigrations(): Promise<string[]> {
    return missingOf(this.source, await this.source.query('SELECT name FROM migrations'));
  }

  override async write<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const outer = this.inWrite.getStore();
    if (outer) return work(outer);
    return orUnavailable(() =>
      againWhereDeadlocked(() =>
        this.source.transaction((manager) => this.inWrite.run(manager, () => work(manager))),
      ),
    );
  }

  override select<Entity extends ObjectLiteral, Parameter extends string>(
    build: BuildSelect<Entity, Parameter>,
  ): Select<Entity, Parameter> {
    const compile = once(() => compileSelect(this.source, build));
    const query = async (values: Record<string, Value>): Promise<unknown[][]> => {
      const { sql, bind } = compile();
      const writer = this.inWrite.getStore();
      const statement = build.lock && writer ? `${sql} ${LOCKS[build.lock]}` : sql;
      const manager = writer ?? this.source;
      const rows = await orUnavailable(() =>
        manager.query<ObjectLiteral[]>(statement, bind(values)),
      );
      // pg builds a row's members in the order of the columns.
      return rows.map((row) => Object.values(row) as unknown[]);
    };
    // A write that waited in the queue would keep a connection and its locks meanwhile.
    const run = (values: Record<string, Value>, caller?: ReadCaller) =>
      build.expensive === true && !this.inWrite.getStore()
        ? this.inTurn(caller, () => query(values))
        : query(values);
    const all = async (values: Record<string, Value>, caller?: ReadCaller) =>
      (await run(values, caller)).map(compile().hydrate);
    return {
      all,
      light: async (values, caller, bytes) =>
        hydrated(takeLight(await run(values, caller), bytes), compile().hydrate),
      first: async (...read) => (await all(...read))[0],
    };
  }

  /** Only the server reads its log. */
  override clearLog(): boolean {
    return true;
  }

  override listHolds(column: string, parameter: string): string {
    return `CAST(${column} AS jsonb) @> to_jsonb(CAST(${parameter} AS text))`;
  }

  protected override isUniqueViolation(error: unknown): boolean {
    return codeOf(error) === UNIQUE_VIOLATION;
  }

  /**
   * Of two processes that start on the same empty database the second waits and finds the work
   * done. The lock ends with its connection, so a killed process leaves none behind. Neither the
   * wait nor a migration is cut short by the timeouts of requests.
   */
  private async migrate(): Promise<void> {
    const source = new DataSource({ ...this.options, extra: {} });
    await source.initialize();
    try {
      await source.createQueryRunner().query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
      await source.runMigrations({ transaction: 'all' });
    } finally {
      await source.destroy();
    }
  }
}

/** Neither waits for the other, so that a write may take both in turn. */
const LOCKS = { exists: 'FOR KEY SHARE', alone: 'FOR NO KEY UPDATE' };

/** Codes of the PostgreSQL manual's appendix A. */
const UNIQUE_VIOLATION = '23505';
const DEADLOCK = '40P01';
/**
 * Classes 08 (connection), 53 (resources) and 57P (shutdown), a lock or a statement that took too
 * long (55P03, 57014), one deadlock behind the other, and what a socket says.
 */
const UNAVAILABLE =
  /^(08...|53...|57P..|55P03|57014|40P01|ECONN\w+|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)$/;
/** What pg itself says of a connection that it cannot get or has lost: it gives no codes. */
const NO_CONNECTION =
  /^(timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error)/;

/** How often a write is tried that others keep from its rows. */
const MAX_TRIES = 3;

/**
 * Of writes that wait for each other's rows PostgreSQL undoes one, which has done nothing then and
 * may begin anew. SQLite knows no such thing: there one writes at a time.
 */
async function againWhereDeadlocked<T>(write: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await write();
    } catch (error) {
      if (codeOf(error) !== DEADLOCK || tries === MAX_TRIES) throw error;
    }
  }
}

/** A server that cannot be reached is no fault of the request's: the caller may try again. */
async function orUnavailable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const lost =
      UNAVAILABLE.test(codeOf(error)) ||
      (error instanceof Error && NO_CONNECTION.test(error.message));
    if (!lost) throw error;
    throw unavailable(error);
  }
}
