import type { DataSource, EntityManager, ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import type { EntityMetadata } from 'typeorm/metadata/EntityMetadata.js';

export type Value = string | number | null;

/**
 * Builds a query of one entity. Parameters are written as usual (`ship.id = :id`) and get their
 * values on each run; `parameters` names them. Columns that are `select: false` come only where
 * the query adds them.
 */
export interface BuildSelect<Entity extends ObjectLiteral, Parameter extends string> {
  query: (manager: EntityManager) => SelectQueryBuilder<Entity>;
  parameters: readonly Parameter[];
  /** The parameter that says how many rows at most: TypeORM writes a fixed number only. */
  limit?: Parameter;
}

/** A prepared read. */
export interface Select<Entity, Parameter extends string> {
  all(values: Record<Parameter, Value>): Promise<Entity[]>;
  first(values: Record<Parameter, Value>): Promise<Entity | undefined>;
}

/** SQL with places for its values, and how its rows become entities. */
export interface CompiledSelect<Entity> {
  readonly sql: string;
  /** The names of the values, in the order in which the SQL takes them. */
  readonly order: readonly string[];
  readonly hydrate: (row: ObjectLiteral) => Entity;
}

/**
 * Lets TypeORM build the SQL once. Building it anew for each run costs several times what
 * running it does (see docs/decisions/0003-prepared-reads.md).
 */
export function compileSelect<Entity extends ObjectLiteral, Parameter extends string>(
  dataSource: DataSource,
  build: BuildSelect<Entity, Parameter>,
): CompiledSelect<Entity> {
  const builder = build.query(dataSource.manager);
  const alias = builder.expressionMap.mainAlias;
  if (!alias) throw new Error('A select needs an entity.');
  const columns = alias.metadata.columns.filter((column) =>
    isSelected(builder, alias.name, column),
  );
  builder.select([]);
  for (const column of columns) {
    builder.addSelect(`${alias.name}.${column.propertyPath}`, column.propertyName);
  }
  builder.setParameters(
    Object.fromEntries(build.parameters.map((name) => [name, placeholder(name)])),
  );
  const [select, placeholders] = builder.getQueryAndParameters();
  const order = placeholders.map((value) => nameOf(String(value)));
  const hydrate = hydration<Entity>(dataSource, alias.metadata, columns);
  if (build.limit === undefined) return { sql: select, order, hydrate };
  const place = dataSource.driver.createParameter(build.limit, order.length);
  return { sql: `${select} LIMIT ${place}`, order: [...order, build.limit], hydrate };
}

function isSelected(
  builder: SelectQueryBuilder<ObjectLiteral>,
  alias: string,
  column: ColumnMetadata,
): boolean {
  const path = `${alias}.${column.propertyPath}`;
  return column.isSelect || builder.expressionMap.selects.some((each) => each.selection === path);
}

function hydration<Entity extends ObjectLiteral>(
  dataSource: DataSource,
  metadata: EntityMetadata,
  columns: ColumnMetadata[],
): (row: ObjectLiteral) => Entity {
  const plain = columns.filter((column) => !needsConversion(column));
  const converted = columns.filter(needsConversion);
  const plainNames = plain.map((column) => column.propertyName);
  return (row) => {
    const entity = metadata.create() as Record<string, unknown>;
    for (const name of plainNames) entity[name] = row[name];
    for (const column of converted) {
      const name = column.propertyName;
      entity[name] = dataSource.driver.prepareHydratedValue(row[name], column);
    }
    return entity as Entity;
  };
}

/** Numbers and strings arrive as they are; SQLite keeps booleans and JSON as something else. */
function needsConversion(column: ColumnMetadata): boolean {
  return column.type === 'boolean' || column.type === 'simple-json';
}

const MARK = '\u0000parameter:';
const placeholder = (name: string): string => MARK + name;

function nameOf(value: string): string {
  if (!value.startsWith(MARK)) throw new Error('A prepared select takes its values by name only.');
  return value.slice(MARK.length);
}
