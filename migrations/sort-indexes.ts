import type { QueryRunner } from 'typeorm';

/**
 * Creates the indexes that `@SortIndexes()` declares: for each key one in each direction. Rows with
 * equal keys are in ascending order of `id`.
 *
 * @param keys the SQL of the sort keys, by the names of their columns; see src/lists/list-field.ts
 */
export async function createSortIndexes(
  runner: QueryRunner,
  table: string,
  keys: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [column, key] of Object.entries(keys)) {
    for (const direction of ['ASC', 'DESC']) {
      const name = `${table}_${column}_${direction.toLowerCase()}_idx`;
      await runner.query(`CREATE INDEX "${name}" ON "${table}" (${key} ${direction}, "id")`);
    }
  }
}

/**
 * Drops these indexes, before a table is altered: TypeORM rebuilds a SQLite table to alter it, and
 * cannot rebuild indexes of expressions.
 */
export async function dropSortIndexes(
  runner: QueryRunner,
  table: string,
  columns: readonly string[],
): Promise<void> {
  for (const column of columns) {
    for (const direction of ['asc', 'desc']) {
      await runner.query(`DROP INDEX "${table}_${column}_${direction}_idx"`);
    }
  }
}
