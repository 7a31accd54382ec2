import type { ObjectLiteral } from 'typeorm';
import type { Database } from './database.js';

/** Rows that one statement removes, so that none holds the database up for long. */
const BATCH = 500;

interface OldRows<Entity> {
  key: keyof Entity & string;
  /** The column that says when a row has had its time, in milliseconds since 1970. */
  column: keyof Entity & string;
  /** Rows up to here go. */
  moment: number;
}

/** Removes old rows, some at a time. */
export async function removeInBatches<Entity extends ObjectLiteral>(
  database: Database,
  entity: new () => Entity,
  rows: OldRows<Entity>,
): Promise<void> {
  while ((await removeBatch(database, entity, rows)) === BATCH);
}

function removeBatch<Entity extends ObjectLiteral>(
  database: Database,
  entity: new () => Entity,
  { key, column, moment }: OldRows<Entity>,
): Promise<number> {
  return database.write(async (manager) => {
    const batch = manager
      .createQueryBuilder(entity, 'old')
      .select(`old.${key}`)
      .where(`old.${column} <= :moment`)
      .limit(BATCH);
    const { affected } = await manager
      .createQueryBuilder()
      .delete()
      .from(entity)
      .where(`${key} IN (${batch.getQuery()})`, { moment })
      .execute();
    return affected ?? 0;
  });
}
