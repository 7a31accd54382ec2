import type { EntityMetadata } from 'typeorm';

/** What a database has. */
interface Schema {
  columns: readonly (readonly [table: string, column: string])[];
  indexes: readonly string[];
}

/**
 * Compares entities with a database.
 *
 * @returns what the database lacks: `table crews (entity Crew)`, `column crews.size (entity Crew)`,
 *   `index crews_size_idx (entity Crew)`
 */
export function missingSchemaOf(entities: readonly EntityMetadata[], schema: Schema): string[] {
  const tables = new Map<string, Set<string>>();
  for (const [table, column] of schema.columns) {
    const known = tables.get(table) ?? new Set();
    tables.set(table, known.add(column));
  }
  const indexes = new Set(schema.indexes);
  return entities.flatMap(({ name, tableName, columns, indices }) => {
    const known = tables.get(tableName);
    if (!known) return [`table ${tableName} (entity ${name})`];
    return [
      ...columns
        .filter(({ databaseName }) => !known.has(databaseName))
        .map(({ databaseName }) => `column ${tableName}.${databaseName} (entity ${name})`),
      ...indices
        .filter((index) => !indexes.has(index.name))
        .map((index) => `index ${index.name} (entity ${name})`),
    ];
  });
}
