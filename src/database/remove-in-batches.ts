import { type EntityManager, getMetadataArgsStorage, type ObjectLiteral } from 'typeorm';
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

/** How far the removal of old rows of a table is. */
export interface RemovalProgress {
  table: string;
  removed: number;
  /** The number of old rows at the beginning. */
  total: number;
}

export type OnRemovalProgress = (progress: RemovalProgress) => void;

/**
 * Removes old rows in batches, with pauses in which requests are served.
 *
 * @param signal stops the removal after the current batch
 * @param onProgress is called at the beginning and after each batch; counting the rows takes time
 */
export async function removeInBatches<Entity extends ObjectLiteral>(
  database: Database,
  entity: new () => Entity,
  rows: OldRows<Entity>,
  signal?: AbortSignal,
  onProgress?: OnRemovalProgress,
): Promise<void> {
  const progress = onProgress && {
    table: tableOf(entity),
    removed: 0,
    total: await countOldRows(database, entity, rows),
  };
  if (progress) onProgress(progress);
  while (!signal?.aborted) {
    const startedAt = performance.now();
    const removed = await removeBatch(database, entity, rows);
    if (progress) {
      progress.removed += removed;
      onProgress(progress);
    }
    if (removed < BATCH) return;
    await pauseSince(startedAt, signal);
  }
}

/** Counts old rows, up to `max`. */
export function countOldRows<Entity extends ObjectLiteral>(
  database: Database,
  entity: new () => Entity,
  { column, timestamp }: Pick<OldRows<Entity>, 'column' | 'timestamp'>,
  max = Number.MAX_SAFE_INTEGER,
): Promise<number> {
  const query = (manager: EntityManager) =>
    manager
      .createQueryBuilder(entity, 'old')
      .select(`old.${column}`)
      .where(`old.${column} <= :timestamp`);
  return database.count({ query, parameters: ['timestamp'] }, { timestamp }, max);
}

function tableOf(entity: new () => object): string {
  return getMetadataArgsStorage().tables.find(({ target }) => target === entity)!.name!;
}

function removeBatch<Entity extends ObjectLiteral>(
  database: Database,
  entity: new () => Entity,
  { key, column, timestamp }: OldRows<Entity>,
): Promise<number> {
  const condition = `row.${column} <= :timestamp`;
  return deleteBatch(database, entity, { key, condition, values: { timestamp }, limit: BATCH });
}

interface Batch<Entity> {
  /** The column that identifies a row. */
  key: keyof Entity & string;
  /** The SQL condition of the rows, which are called `row`. */
  condition: string;
  /** The values of its parameters. */
  values: ObjectLiteral;
  limit: number;
}

/**
 * Deletes some rows, so that the write is short.
 *
 * @returns the number of rows that were deleted; if it is the limit, there may be more
 */
export function deleteBatch<Entity extends ObjectLiteral>(
  database: Database,
  entity: new () => Entity,
  { key, condition, values, limit }: Batch<Entity>,
): Promise<number> {
  return database.write(async (manager) => {
    const batch = manager
      .createQueryBuilder(entity, 'row')
      .select(`row.${key}`)
      .where(condition)
      .limit(limit);
    const { affected } = await manager
      .createQueryBuilder()
      .delete()
      .from(entity)
      .where(`${key} IN (${batch.getQuery()})`, values)
      .execute();
    return affected ?? 0;
  });
}
