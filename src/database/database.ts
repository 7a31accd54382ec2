import type { EntityManager, ObjectLiteral } from 'typeorm';
import { ApiError, type ErrorKind } from '../errors/api-error.js';
import type { BuildSelect, Select, Value } from './select.js';

/** How busy the database is. Sizes are in bytes. */
export type DatabaseLoad =
  | { engine: 'sqlite'; queuedWrites: number; fileSize: number; logSize: number }
  | {
      engine: 'postgres';
      inUse: number;
      idle: number;
      waiting: number;
      /** Whether reads may use the replica; null if there is none. */
      replica: boolean | null;
    };

/**
 * All access to the data, on either database engine.
 *
 * Reads are prepared once, as a `Select`, and do not run in the transactions of other requests.
 * Every write, even a single statement, goes through `write`, which runs it in a transaction:
 * TypeORM shares one SQLite connection among all requests, so a statement outside of `write` would
 * become part of any transaction that happens to be open.
 */
export abstract class Database {
  /** @throws StartError if the database cannot be used */
  abstract open(): Promise<void>;

  abstract close(): Promise<void>;

  /**
   * Runs a trivial query. On PostgreSQL it has a timeout of two seconds. The caller should limit
   * the total time.
   *
   * @throws Error if the database fails; on PostgreSQL also if the server is read-only
   */
  abstract check(): Promise<void>;

  /** Names of migrations that the database lacks, such as after an old backup was restored. */
  abstract missingMigrations(): Promise<string[]>;

  /**
   * Describes the tables, columns and indexes that entities declare and the database lacks, such as
   * `column crews.size (entity Crew)`.
   */
  abstract missingSchema(): Promise<string[]>;

  /**
   * Runs `work` in a transaction, which is committed if the promise resolves, and rolled back if it
   * rejects. A call within another `write` joins its transaction. Reads within `work` see its
   * changes. `work` should wait for nothing but the database, because on SQLite all other writes
   * wait for it. After a deadlock or a serialization failure, `work` runs again from its beginning.
   *
   * @throws ApiError 503 if too many writes are queued, or the database stays locked
   */
  abstract write<T>(work: (manager: EntityManager) => Promise<T>): Promise<T>;

  /** Prepares a read; see `BuildSelect`. Its SQL is built when it runs for the first time. */
  abstract select<Entity extends ObjectLiteral, Parameter extends string>(
    build: BuildSelect<Entity, Parameter>,
  ): Select<Entity, Parameter>;

  /** Counts the rows of an expensive query, up to `max`. */
  abstract count<Entity extends ObjectLiteral, Parameter extends string>(
    build: BuildSelect<Entity, Parameter>,
    values: Record<Parameter, Value>,
    max: number,
  ): Promise<number>;

  abstract load(): DatabaseLoad;

  /**
   * Removes earlier versions of rows from SQLite's log, which would keep them until it is
   * overwritten.
   *
   * @returns false if that is not possible now
   */
  abstract clearLog(): Promise<boolean>;

  /**
   * Runs a `write` that may violate a unique index. A check before the write is not enough, because
   * another request could insert the same row in between.
   *
   * @throws ApiError of the kind `duplicate` if a row would violate a unique index
   */
  async writeUnique<T>(
    duplicate: ErrorKind,
    work: (manager: EntityManager) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.write(work);
    } catch (error) {
      if (this.isUniqueViolation(error)) throw new ApiError(duplicate, { cause: error });
      throw error;
    }
  }

  /**
   * Returns the SQL condition that a list of texts contains a text.
   *
   * @param column of the type `simple-json`
   * @param parameter as it is written in a query: `:role`
   */
  abstract listHolds(column: string, parameter: string): string;

  /** Whether the error says that a row would violate a unique index. */
  protected abstract isUniqueViolation(error: unknown): boolean;
}
