import { Logger } from '@nestjs/common';
import type { QueryRunner } from 'typeorm';

/** The key of the migration lock: a number that no other program uses on the same database. */
const MIGRATION_LOCK = 7_215_180_347;

/** The server does not accept writes. */
export class ReadOnlyServer extends Error {}

/**
 * Takes the migration lock for the current transaction. If two processes start on the same empty
 * database, the second one waits and then has nothing to do. The lock belongs to the transaction,
 * and not to the connection, which pgbouncer could give to another client together with the lock.
 *
 * @throws ReadOnlyServer if the server is a standby, or has `default_transaction_read_only`
 */
export async function lockMigrations(runner: QueryRunner): Promise<void> {
  await refuseReadOnly(runner);
  // Timeouts of the role or of the database must not interrupt the wait or a migration.
  await runner.query('SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0');
  const [row] = (await runner.query('SELECT pg_try_advisory_xact_lock($1) AS taken', [
    MIGRATION_LOCK,
  ])) as [{ taken: boolean }];
  if (row.taken) return;
  new Logger('Migrations').log(
    'Another process is migrating the database; waiting until it is done.',
  );
  await runner.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
}

async function refuseReadOnly(runner: QueryRunner): Promise<void> {
  const [row] = (await runner.query(
    "SELECT current_setting('transaction_read_only') AS setting",
  )) as [{ setting: string }];
  if (row.setting === 'on') throw new ReadOnlyServer('the server is read-only');
}
