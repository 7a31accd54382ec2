import { Index } from 'typeorm';
import { columnsOf, type EntityClass, isTextType } from '../validation/columns.js';
import { boundsOfType } from '../validation/integer-column.js';

const tables = new WeakSet<object>();

/**
 * Declares the indexes that make sorted lists of an entity cheap: for each column with texts or
 * integers one in each direction. A migration has to create them, as `migrations/sort-indexes.ts`
 * does, because TypeORM does not support indexes of a part of a text. The start fails if one is
 * missing.
 */
export function SortIndexes(table: string): ClassDecorator {
  return (target) => {
    tables.add(target);
    for (const { name, type } of columnsOf(target as unknown as EntityClass)) {
      if (name === 'id' || !(isTextType(type) || boundsOfType(type))) continue;
      for (const direction of ['asc', 'desc']) {
        Index(`${table}_${name}_${direction}_idx`, { synchronize: false })(target);
      }
    }
  };
}

/** Whether the entity has `@SortIndexes()`. */
export function hasSortIndexes(entity: object): boolean {
  return tables.has(entity);
}
