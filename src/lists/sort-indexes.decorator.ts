import { Index } from 'typeorm';

/**
 * Tells TypeORM of the indexes that keep sorted lists of an entity cheap, one for each column and
 * direction. Those of a part of a text it can neither make nor read, and would drop: the migrations
 * make them.
 */
export function SortIndexes(table: string, columns: readonly string[]): ClassDecorator {
  return (target) => {
    for (const column of columns) {
      for (const direction of ['asc', 'desc']) {
        Index(`${table}_${column}_${direction}_idx`, { synchronize: false })(target);
      }
    }
  };
}
