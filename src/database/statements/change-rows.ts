import type { EntityManager, ObjectLiteral } from 'typeorm';
import type { QueryDeepPartialEntity } from 'typeorm/query-builder/QueryPartialEntity.js';
import { runCompiled } from './compiled-write.js';
import { setClause } from './set-clause.js';

/** A condition in SQL, with the names of columns and `:named` parameters. */
export interface RowCondition {
  readonly sql: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * Updates the rows that meet a condition.
 *
 * @returns their number
 * @throws QueryFailedError
 */
export async function updateRows<Entity extends ObjectLiteral>(
  manager: EntityManager,
  entity: new () => Entity,
  values: Partial<Entity>,
  where: RowCondition,
): Promise<number> {
  const metadata = manager.dataSource.getMetadata(entity);
  const set = setClause(metadata, values);
  const { affected } = await runCompiled(manager, metadata, {
    key: `update ${set.key} if ${where.sql}`,
    build: () =>
      manager
        .createQueryBuilder()
        .update(entity)
        .set(set.expressions() as QueryDeepPartialEntity<Entity>)
        .where(where.sql),
    values: { ...set.values, ...where.values },
  });
  return affected;
}

/**
 * Deletes the rows that meet a condition.
 *
 * @returns their number
 * @throws QueryFailedError
 */
export async function deleteRows<Entity extends ObjectLiteral>(
  manager: EntityManager,
  entity: new () => Entity,
  { sql, values }: RowCondition,
): Promise<number> {
  const { affected } = await runCompiled(manager, manager.dataSource.getMetadata(entity), {
    key: `delete if ${sql}`,
    build: () => manager.createQueryBuilder().delete().from(entity).where(sql),
    values,
  });
  return affected;
}
