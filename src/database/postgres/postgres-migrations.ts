import { Logger } from '@nestjs/common';
import type { QueryRunner } from 'typeorm';

/** Any number that no other user of the same database takes; it names the lock of the migrations. */
const MIGRATION_LOCK = 7_215_180_347;

/** The server takes no writes. */
export class ReadOnlyServer extends Error {}

/**
 * Takes the lock of the migrations for the transaction that is open. Of two processes that start on the
 * same empty database the second waits and finds the work done. The lock belongs to the transaction
 * rather than to the connection: pgbouncer would give the connection, and with it the lock, to others.
 *
 * @throws ReadOnlyServer if the server is a standby, or has `default_transaction_read_only`
 */
export async function lockMigrations(runner: QueryRunner): Promise<void> {
  await refuseReadOnly(runner);
  // Neither the wait nor a migration is cut short by timeouts that the role or the database has.
  await runner.query('SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0');
  const [row] = (await runner.query('SELECT pg_try_advisory_xact_lock($1) AS taken', [
    MIGRATION_LOCK,
  ])) as [{ taken: boolean }];
  if (row.taken) return;
  new Logger('Migrations').log('Another process migrates the database; waits until it is done.');
  await runner.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
}

async function refuseReadOnly(runner: QueryRunner): Promise<void> {
  const [row] = (await runner.query(
    "SELECT current_setting('transaction_read_only') AS setting",
  )) as [{ setting: string }];
  if (row.setting === 'on') throw new ReadOnlyServer('the server is read-only');
}
