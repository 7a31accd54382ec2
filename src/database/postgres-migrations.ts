import { Logger } from '@nestjs/common';
import { type DataSource, MigrationExecutor, type QueryRunner } from 'typeorm';

/** Any number that no other user of the same database takes; it names the lock of the migrations. */
const MIGRATION_LOCK = 7_215_180_347;

/** The server takes no writes. */
export class ReadOnlyServer extends Error {}

/**
 * Runs the migrations that the database lacks, in one transaction. Of two processes that start on the
 * same empty database the second waits and finds the work done. The lock belongs to the transaction
 * rather than to the connection: pgbouncer would give the connection, and with it the lock, to others.
 *
 * @param source an open data source, whose queries have no timeouts: a migration may take its time
 * @throws ReadOnlyServer if the server is a standby, or has `default_transaction_read_only`
 */
export async function migratePostgres(source: DataSource): Promise<void> {
  const runner = source.createQueryRunner();
  try {
    await runner.startTransaction();
    await refuseReadOnly(runner);
    await takeMigrationLock(runner);
    const executor = new MigrationExecutor(source, runner);
    executor.transaction = 'all';
    await executor.executePendingMigrations();
    await runner.commitTransaction();
  } catch (error) {
    // A lost connection leaves nothing to roll back, and its error is the one to report.
    await runner.rollbackTransaction().catch(() => undefined);
    throw error;
  } finally {
    await runner.release();
  }
}

async function refuseReadOnly(runner: QueryRunner): Promise<void> {
  const [row] = (await runner.query(
    "SELECT current_setting('transaction_read_only') AS setting",
  )) as [{ setting: string }];
  if (row.setting === 'on') throw new ReadOnlyServer('the server is read-only');
}

async function takeMigrationLock(runner: QueryRunner): Promise<void> {
  const [row] = (await runner.query('SELECT pg_try_advisory_xact_lock($1) AS taken', [
    MIGRATION_LOCK,
  ])) as [{ taken: boolean }];
  if (row.taken) return;
  new Logger('Migrations').log('Another process migrates the database; waits until it is done.');
  await runner.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
}
