/**
 * Compares the entities with the schema that all migrations create, and prints the differences as
 * code for a migration (JSON of `SchemaChanges`). `scripts/generate/generate.js` runs this script.
 */
import 'reflect-metadata';
import {
  type DataSource,
  type EntityMetadata,
  type QueryRunner,
  type Table,
  TableColumn,
} from 'typeorm';
import '../src/app.module.js';
import { sqliteOptions } from '../src/database/data-source-options.js';
import { MigrationSource } from '../src/database/migration-source.js';
import { listFields } from '../src/lists/list-fields.js';
import type { EntityClass } from '../src/validation/columns.js';
import { runCommand } from './run-command.js';
import { type Change, DESCRIBED } from './schema-code.js';

/** The statements of the methods `up` and `down`. */
interface SchemaChanges {
  up: string[];
  down: string[];
}

async function schemaChanges(): Promise<SchemaChanges> {
  const source = new MigrationSource(sqliteOptions(':memory:'));
  await source.initialize();
  try {
    await source.runMigrations();
    const indexes = await source.query<{ name: string }[]>(
      "SELECT name FROM sqlite_master WHERE type = 'index'",
    );
    const sorted = source.entityMetadatas.map((entity) => new SortIndexes(entity, indexes));
    // TypeORM rebuilds a table to alter it, and cannot rebuild these indexes.
    for (const name of sorted.flatMap(({ existing }) => existing.names)) {
      await source.query(`DROP INDEX "${name}"`);
    }
    const changes = recordChanges(source);
    await source.driver.createSchemaBuilder().build();
    return withSortIndexes(changes, sorted);
  } finally {
    await source.destroy();
  }
}

/** The changes in order, between the removal and the creation of the indexes of sorted lists. */
function withSortIndexes(changes: Map<string, Change[]>, sorted: SortIndexes[]): SchemaChanges {
  const up: string[] = [];
  const down: string[] = [];
  for (const { table, existing, declared } of sorted) {
    const ofTable = changes.get(table) ?? [];
    if (ofTable.length === 0 && existing.code === declared.code) continue;
    up.push(...existing.dropCode, ...ofTable.map(([code]) => code), ...declared.createCode);
    const reverted = [
      ...declared.dropCode,
      ...ofTable.map(([, code]) => code).reverse(),
      ...existing.createCode,
    ];
    // A table that is dropped takes its indexes with it.
    const dropsTable = ofTable.some(([, code]) => code.startsWith('await runner.dropTable('));
    down.unshift(...(dropsTable ? ofTable.map(([, code]) => code).reverse() : reverted));
  }
  return { up, down };
}

/** The indexes of some sort keys of a table. */
class SortKeys {
  constructor(
    private readonly table: string,
    private readonly keys: ReadonlyMap<string, string>,
  ) {}

  get names(): string[] {
    return [...this.keys.keys()].flatMap((column) =>
      ['asc', 'desc'].map((direction) => `${this.table}_${column}_${direction}_idx`),
    );
  }

  /** The keys as the argument of `createSortIndexes`. */
  get code(): string {
    const members = [...this.keys].map(([column, key]) => `${column}: ${JSON.stringify(key)}`);
    return `{ ${members.join(', ')} }`;
  }

  get createCode(): string[] {
    return this.keys.size === 0
      ? []
      : [`await createSortIndexes(runner, '${this.table}', ${this.code});`];
  }

  get dropCode(): string[] {
    const columns = [...this.keys.keys()].map((column) => `'${column}'`);
    return columns.length === 0
      ? []
      : [`await dropSortIndexes(runner, '${this.table}', [${columns.join(', ')}]);`];
  }
}

/** The indexes of sorted lists of one table: those that exist, and those that the entity declares. */
class SortIndexes {
  readonly table: string;
  readonly existing: SortKeys;
  readonly declared: SortKeys;

  constructor(entity: EntityMetadata, indexes: readonly { name: string }[]) {
    this.table = entity.tableName;
    const names = new Set(indexes.map(({ name }) => name));
    const columns = entity.columns
      .map(({ databaseName }) => databaseName)
      .filter((column) => entity.indices.some(({ name }) => name === this.nameOf(column)));
    const keys = columns.map(
      (column) => [column, keyOf(entity.target as EntityClass, column)] as const,
    );
    this.declared = new SortKeys(this.table, new Map(keys));
    this.existing = new SortKeys(
      this.table,
      new Map(keys.filter(([column]) => names.has(this.nameOf(column)))),
    );
  }

  private nameOf(column: string): string {
    return `${this.table}_${column}_asc_idx`;
  }
}

/** The SQL of a sort key, as lists use it. */
function keyOf(entity: EntityClass, column: string): string {
  return listFields(entity, [column])[column]!.key!.sql(`"${column}"`);
}

/**
 * Records what the schema builder does from now on.
 *
 * @returns the changes by table
 */
function recordChanges(source: DataSource): Map<string, Change[]> {
  const changes = new Map<string, Change[]>();
  const create = source.createQueryRunner.bind(source);
  source.createQueryRunner = (mode) => {
    const runner = create(mode);
    return new Proxy(runner, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        const method = value as (...args: unknown[]) => unknown;
        const describe = DESCRIBED[name as keyof typeof DESCRIBED] as
          ((table: Table, change: never) => Change[]) | undefined;
        if (!describe) return method.bind(target);
        return async (...args: [table: Table | string, change: never]) => {
          const table = await tableOf(target, args[0]);
          const known = changes.get(table.name) ?? [];
          changes.set(table.name, [...known, ...describe(table, args[1])]);
          dropCollations([table.columns, args[1]]);
          return method.apply(target, args);
        };
      },
    });
  };
  return changes;
}

/** SQLite does not know the collation `C`, and compares texts in that way by default. */
function dropCollations(value: unknown): void {
  if (Array.isArray(value)) value.forEach(dropCollations);
  else if (value instanceof TableColumn) delete value.collation;
  else if (typeof value === 'object' && value !== null && 'newColumn' in value) {
    dropCollations(value.newColumn);
  }
}

async function tableOf(runner: QueryRunner, table: Table | string): Promise<Table> {
  if (typeof table !== 'string') return table;
  const found = await runner.getTable(table);
  if (!found) throw new Error(`There is no table ${table}.`);
  return found;
}

await runCommand(async () => JSON.stringify(await schemaChanges()));
