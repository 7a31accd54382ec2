import { Index } from 'typeorm';

const indexedColumns = new WeakMap<object, readonly string[]>();

/**
 * Declares the indexes that make sorted lists of an entity cheap, one for each column and direction.
 * A migration has to create them, because TypeORM does not support indexes of a part of a text, and
 * would drop them.
 *
 * @param columns their names in the database
 */
export function SortIndexes(table: string, columns: readonly string[]): ClassDecorator {
  return (target) => {
    indexedColumns.set(target, columns);
    for (const column of columns) {
      for (const direction of ['asc', 'desc']) {
        Index(`${table}_${column}_${direction}_idx`, { synchronize: false })(target);
      }
    }
  };
}

/** Whether `@SortIndexes()` declares indexes of the column, which is named as in the database. */
export function hasSortIndexes(entity: object, column: string): boolean {
  return indexedColumns.get(entity)?.includes(column) ?? false;
}
