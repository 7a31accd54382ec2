import { Index } from 'typeorm';
import { hasRowVersion } from '../database/versions/row-version.js';
import {
  columnsOf,
  type EntityClass,
  type EntityColumn,
  isTextType,
} from '../validation/columns.js';
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
    for (const column of columnsOf(target as unknown as EntityClass)) {
      const { name } = column;
      if (name === 'id' || !isSortable(target, column)) continue;
      for (const direction of ['asc', 'desc']) {
        Index(`${table}_${name}_${direction}_idx`, { synchronize: false })(target);
      }
    }
  };
}

/** Whether `@SortIndexes()` of the entity declares indexes of the column. */
export function hasSortIndexes(entity: object, column: EntityColumn): boolean {
  return tables.has(entity) && isSortable(entity, column);
}

function isSortable(entity: object, { name, type }: EntityColumn): boolean {
  // Clients see no versions.
  if (name === 'version' && hasRowVersion(entity)) return false;
  return isTextType(type) || boundsOfType(type) !== undefined;
}
