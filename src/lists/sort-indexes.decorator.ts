import { Index } from 'typeorm';

/**
 * Tells TypeORM about the indexes that make sorted lists of an entity cheap, one for each column
 * and direction. The migrations create them, because TypeORM does not support indexes of a part of
 * a text, and would drop them.
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
