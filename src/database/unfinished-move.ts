import type { QueryRunner } from 'typeorm';
import { StartError } from '../errors/start-error.js';

/** A table that exists while `npm run admin -- move` fills the database. */
export const UNFINISHED_MOVE = 'unfinished_move';

/**
 * The name of the table `migrations` meanwhile. Versions of the service that do not know
 * `UNFINISHED_MOVE` would create all tables again, and fail because the tables exist.
 */
export const UNFINISHED_MIGRATIONS = 'unfinished_migrations';

export const UNFINISHED_MOVE_MESSAGE =
  'The database is incomplete, because a move to it was interrupted. Run npm run admin -- move again, which continues; or use the database that it was moved from.';

/** @throws StartError if the database is being filled, or if that was interrupted */
export async function refuseUnfinishedMove(runner: QueryRunner): Promise<void> {
  if (await runner.hasTable(UNFINISHED_MOVE)) throw new StartError(UNFINISHED_MOVE_MESSAGE);
}
