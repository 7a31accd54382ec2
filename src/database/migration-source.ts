import { DataSource, type Migration, MigrationExecutor } from 'typeorm';
import { lockMigrations } from './postgres/postgres-migrations.js';
import { connectionOf } from './sqlite/sqlite-connection.js';
import { immediateTransaction } from './sqlite/sqlite-writer.js';
import { refuseUnfinishedMove } from './unfinished-move.js';

/** How long migrations wait for another process that writes to the SQLite file, in milliseconds. */
const SQLITE_LOCK_TIMEOUT = 60_000;

interface Options {
  /** Whether migrations are only recorded, and not run. */
  fake?: boolean;
}

/**
 * A data source that runs all migrations in one transaction, under a lock. Both the start of the
 * service and TypeORM's commands use it. The option `transaction` of the commands has no effect.
 *
 * It takes the lock before it reads which migrations have run. If two processes start on the same
 * empty database, the second one waits and then has nothing to do. A killed process leaves neither
 * a lock nor a part of a migration behind.
 *
 * See docs/decisions/0004-migrations.md.
 */
export class MigrationSource extends DataSource {
  override runMigrations({ fake = false }: Options = {}): Promise<Migration[]> {
    return this.migrate(fake, async (executor) => {
      const migrations = await executor.executePendingMigrations();
      return { result: migrations, isChanged: migrations.length > 0 };
    });
  }

  override undoLastMigration({ fake = false }: Options = {}): Promise<void> {
    return this.migrate(fake, async (executor) => {
      await executor.undoLastMigration();
      return { result: undefined, isChanged: true };
    });
  }

  private async migrate<T>(
    fake: boolean,
    work: (executor: MigrationExecutor) => Promise<{ result: T; isChanged: boolean }>,
  ): Promise<T> {
    const runner = this.createQueryRunner();
    const executor = new MigrationExecutor(this, runner);
    executor.transaction = 'none';
    executor.fake = fake;
    try {
      if (this.options.type === 'postgres') {
        await runner.startTransaction();
        await lockMigrations(runner);
        await refuseUnfinishedMove(runner);
        const { result } = await work(executor);
        await runner.commitTransaction();
        return result;
      }
      return await this.withoutForeignKeys(async () => {
        await refuseUnfinishedMove(runner);
        return work(executor);
      });
    } finally {
      // After a lost connection there is nothing to roll back, and its error is the one to report.
      if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
      await runner.release();
    }
  }

  /**
   * SQLite rebuilds a table to alter it, and foreign keys would delete the rows that refer to the
   * old table. The pragma has no effect within a transaction, so it is set before the transaction
   * begins.
   *
   * @throws Error if rows refer to missing rows afterwards
   */
  private async withoutForeignKeys<T>(
    work: () => Promise<{ result: T; isChanged: boolean }>,
  ): Promise<T> {
    const connection = connectionOf(this);
    connection.pragma('foreign_keys = OFF');
    try {
      return await immediateTransaction(
        connection,
        async () => {
          const { result, isChanged } = await work();
          if (isChanged) refuseDanglingRows(connection.pragma('foreign_key_check'));
          return result;
        },
        performance.now() + SQLITE_LOCK_TIMEOUT,
      );
    } finally {
      connection.pragma('foreign_keys = ON');
    }
  }
}

/** @param violations of SQLite's `foreign_key_check` */
function refuseDanglingRows(violations: unknown): void {
  const [first] = violations as { table: string; parent: string }[];
  if (!first) return;
  throw new Error(`rows of ${first.table} refer to rows of ${first.parent} that are missing`);
}
