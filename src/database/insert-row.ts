import type { EntityManager, ObjectLiteral } from 'typeorm';
import type { QueryDeepPartialEntity } from 'typeorm/query-builder/QueryPartialEntity.js';

/**
 * Inserts a row with one statement. `manager.insert()` needs a second one: it reads the columns that have
 * a default again.
 *
 * @returns the id that the database has generated
 */
export async function insertRow<Entity extends ObjectLiteral>(
  manager: EntityManager,
  entity: new () => Entity,
  values: QueryDeepPartialEntity<Entity>,
): Promise<number> {
  const query = manager.createQueryBuilder().insert().into(entity).values(values);
  query.updateEntity(false);
  const isReturned = manager.dataSource.driver.isReturningSqlSupported('insert');
  const { raw } = (await (isReturned ? query.returning('id') : query).execute()) as {
    raw: number | { id: number }[];
  };
  return Array.isArray(raw) ? raw[0]!.id : raw;
}
