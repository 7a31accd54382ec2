import type { EntityMetadata } from 'typeorm';

/**
 * Compares entities with the columns of the database.
 *
 * @param columns pairs of a table and a column
 * @returns what the database lacks: `table crews (entity Crew)`, `column crews.size (entity Crew)`
 */
export function missingColumnsOf(
  entities: readonly EntityMetadata[],
  columns: readonly (readonly [table: string, column: string])[],
): string[] {
  const tables = new Map<string, Set<string>>();
  for (const [table, column] of columns) {
    const known = tables.get(table) ?? new Set();
    tables.set(table, known.add(column));
  }
  return entities.flatMap(({ name, tableName, columns }) => {
    const known = tables.get(tableName);
    if (!known) return [`table ${tableName} (entity ${name})`];
    return columns
      .filter(({ databaseName }) => !known.has(databaseName))
      .map(({ databaseName }) => `column ${tableName}.${databaseName} (entity ${name})`);
  });
}
