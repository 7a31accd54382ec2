import type { ObjectLiteral } from 'typeorm';
import { pauseSince } from '../scheduling/pause.js';
import type { Database } from './database.js';

/**
 * Rows that one statement removes. On SQLite it blocks the main thread: 200 sessions with their
 * indexes take about 3 ms.
 */
const BATCH = 200;

interface OldRows<Entity> {
  /** The column that identifies a row. */
  key: keyof Entity & string;
  /** The column with the time from which a row is old, in milliseconds since 1970. */
  column: keyof Entity & string;
  /** Rows whose column is not later than this are removed. */
  timestamp: number;
}

/**
 * Removes old rows in batches, with pauses in which requests are served.
 *
 * @param signal stops the removal after the current batch
 */
export async function removeInBatches<Entity extends ObjectLiteral>(
  database: Database,
  entity: new () => Entity,
  rows: OldRows<Entity>,
  signal?: AbortSignal,
): Promise<void> {
  while (!signal?.aborted) {
    const startedAt = performance.now();
    if ((await removeBatch(database, entity, rows)) < BATCH) return;
    await pauseSince(startedAt, signal);
  }
}

function removeBatch<Entity extends ObjectLiteral>(
  database: Database,
  entity: new () => Entity,
  { key, column, timestamp }: OldRows<Entity>,
): Promise<number> {
  return database.write(async (manager) => {
    const batch = manager
      .createQueryBuilder(entity, 'old')
      .select(`old.${key}`)
      .where(`old.${column} <= :timestamp`)
      .limit(BATCH);
    const { affected } = await manager
      .createQueryBuilder()
      .delete()
      .from(entity)
      .where(`${key} IN (${batch.getQuery()})`, { timestamp })
      .execute();
    return affected ?? 0;
  });
}
