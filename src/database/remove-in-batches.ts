import type { ObjectLiteral } from 'typeorm';
import { pauseSince } from '../scheduling/pause.js';
import type { Database } from './database.js';

/**
 * Rows that one statement removes. On SQLite it holds the main thread: 200 sessions with their indexes
 * take some 3 ms.
 */
const BATCH = 200;

interface OldRows<Entity> {
  key: keyof Entity & string;
  /** The column that says when a row has had its time, in milliseconds since 1970. */
  column: keyof Entity & string;
  /** Rows up to here go. */
  timestamp: number;
}

/**
 * Removes old rows, some at a time, with pauses in which requests are served.
 *
 * @param signal ends it after the batch that is under way
 */
export async function removeInBatches<Entity extends ObjectLiteral>(
  database: Database,
  entity: new () => Entity,
  rows: OldRows<Entity>,
  signal?: AbortSignal,
): Promise<void> {
  while (!signal?.aborted) {
    const begun = performance.now();
    if ((await removeBatch(database, entity, rows)) < BATCH) return;
    await pauseSince(begun, signal);
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
