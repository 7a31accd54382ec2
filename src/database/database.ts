import type { EntityManager, ObjectLiteral } from 'typeorm';
import { ApiError, type ErrorKind } from '../errors/api-error.js';
import type { BuildSelect, Select } from './select.js';

/**
 * The one way to the data, whichever engine holds it.
 *
 * Reads are prepared once, as a `Select`, and run on a connection that never writes. Every
 * write, be it a single statement, goes through `write`, which is a transaction of its own:
 * TypeORM shares one SQLite connection among all requests, so that statements outside of it
 * would fall into whatever transaction is open at that moment.
 */
export abstract class Database {
  /** @throws StartError if the database cannot be used */
  abstract open(): Promise<void>;

  abstract close(): Promise<void>;

  /**
   * Runs a trivial query, for as long as it takes: the caller limits the time.
   *
   * @throws Error if the database refuses it
   */
  abstract check(): Promise<void>;

  /** Names of migrations of this version that the database lacks, such as after a restored backup. */
  abstract missingMigrations(): Promise<string[]>;

  /**
   * Runs `work` in a transaction: all of it is kept when the promise resolves, none of it when
   * it rejects. Called within another `write` it joins that one. Reads within see its changes.
   * `work` should wait for nothing but the database, since on SQLite all other writes wait for it,
   * and may be run again from its beginning, where the database undid it.
   *
   * @throws ApiError 503 if too many writes are queued, or the database stays locked
   */
  abstract write<T>(work: (manager: EntityManager) => Promise<T>): Promise<T>;

  /** Prepares a read; see `BuildSelect`. Cheap until it first runs. */
  abstract select<Entity extends ObjectLiteral, Parameter extends string>(
    build: BuildSelect<Entity, Parameter>,
  ): Select<Entity, Parameter>;

  /**
   * Removes earlier versions of rows from files beside the database, where it keeps any: SQLite's
   * log holds them until it is overwritten.
   *
   * @returns false if that is not possible at this moment
   */
  abstract clearLog(): boolean;

  /**
   * A `write` of which the database says whether it would make something twice: a look beforehand
   * could be outrun by another request.
   *
   * @throws ApiError of that kind where a row would have broken a unique index
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
   * SQL that says whether a column of the type `simple-json`, which holds a list of texts, has one
   * of them in it.
   *
   * @param parameter as a query names it: `:role`
   */
  abstract listHolds(column: string, parameter: string): string;

  /** Whether the error says that a row would have broken a unique index. */
  protected abstract isUniqueViolation(error: unknown): boolean;
}
