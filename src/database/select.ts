import type { DataSource, EntityManager, ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import type { EntityMetadata } from 'typeorm/metadata/EntityMetadata.js';
import { FairQueue, type QueueKeys } from '../scheduling/fair-queue.js';
import { isPlaceholder, nameOf, placeholder } from './statements/placeholders.js';

export type Value = string | number | null;

/**
 * Describes a query of one entity. Its parameters are written as usual (`user.id = :id`), and get
 * their values on each run. Columns with `select: false` are read only if the query adds them.
 */
export interface BuildSelect<Entity extends ObjectLiteral, Parameter extends string> {
  query: (manager: EntityManager) => SelectQueryBuilder<Entity>;
  /** The names of the parameters. */
  parameters: readonly Parameter[];
  /** The parameter for the maximum number of rows. TypeORM itself only writes a fixed number. */
  limit?: Parameter;
  /**
   * Whether it is expensive: it may scan far more rows than it returns. Expensive reads wait in a
   * queue of their own, so that they delay no other request, and callers take turns in it.
   */
  expensive?: boolean;
  /**
   * The lock that a run within a write takes on the returned rows until the write ends. Both kinds
   * prevent other writes from removing the rows. `exclusive` also waits for other runs with
   * `exclusive`, but not for `share`. SQLite needs no such lock, because it runs one write at a
   * time.
   */
  lock?: 'share' | 'exclusive';
}

/** The caller of a read. */
export interface ReadCaller {
  /** The group that takes turns: a user, or the networks of an anonymous caller. */
  readonly group: QueueKeys['group'];
  /** Aborts when the caller hangs up. A queued read is then skipped. */
  readonly signal?: AbortSignal;
  /** Whether it may see the state of a few seconds ago, and so read from a replica. */
  readonly mayLag?: boolean;
}

/** The caller of reads that the service makes for itself. */
const SERVICE: ReadCaller = { group: 'service' };

/**
 * Creates a queue of expensive reads. A caller may have 100 reads queued, more than a page of a web
 * application needs. Five such callers fill the queue; `FairQueue` says which read is refused then.
 */
export function expensiveReadQueue(concurrency: number) {
  const options = { concurrency, maxQueued: 500, maxQueuedPerKey: 100, retryAfter: 5 };
  const queue = new FairQueue(options);
  return <T>({ group, signal }: ReadCaller = SERVICE, read: () => Promise<T>): Promise<T> =>
    queue.run({ group }, read, signal);
}

/** A prepared read. The caller matters if the read is expensive, or there is a replica. */
export interface Select<Entity, Parameter extends string> {
  /** Its SQL with placeholders. */
  readonly sql: () => string;
  all(values: Record<Parameter, Value>, caller?: ReadCaller): Promise<Entity[]>;
  /** As `all`, up to the size limit of a response that already holds `bytes`; see `takeBounded`. */
  bounded(
    values: Record<Parameter, Value>,
    caller?: ReadCaller,
    bytes?: number,
  ): Promise<BoundedRows<Entity>>;
  first(values: Record<Parameter, Value>, caller?: ReadCaller): Promise<Entity | undefined>;
}

/** Rows up to a limit on their size; see `takeBounded`. */
export interface BoundedRows<Row> {
  rows: Row[];
  /** Whether the limit was reached, so that more rows may follow. */
  truncated: boolean;
  /** An upper bound of the bytes of JSON that the response holds. */
  maxBytes: number;
}

/** SQL with placeholders, and the conversion of its rows to entities. */
export interface CompiledSelect<Entity> {
  readonly sql: string;
  /** Returns the values in the order of the placeholders. */
  readonly bind: (values: Readonly<Record<string, Value>>) => Value[];
  /** Creates an entity from the values of a row, in the order of the SQL's columns. */
  readonly hydrate: (row: readonly unknown[]) => Entity;
}

/**
 * Lets TypeORM build the SQL once. To build it for each run would cost several times as much as the
 * run itself (see docs/decisions/0003-prepared-reads.md).
 */
export function compileSelect<Entity extends ObjectLiteral, Parameter extends string>(
  dataSource: DataSource,
  build: BuildSelect<Entity, Parameter>,
): CompiledSelect<Entity> {
  const builder = build.query(dataSource.manager);
  const alias = builder.expressionMap.mainAlias;
  if (!alias) throw new Error('A select needs an entity.');
  const columns = selectedColumns(builder, alias.name, alias.metadata.columns);
  builder.select([]);
  for (const column of columns) {
    builder.addSelect(`${alias.name}.${column.propertyPath}`, column.propertyName);
  }
  builder.setParameters(
    Object.fromEntries(build.parameters.map((name) => [name, placeholder(name)])),
  );
  const [select, placeholders] = builder.getQueryAndParameters();
  const order = (placeholders as unknown[]).map((value) => {
    if (isPlaceholder(value)) return nameOf(value);
    throw new Error('A prepared select takes its values by name only.');
  });
  const hydrate = hydration<Entity>(dataSource, alias.metadata, columns);
  if (build.limit === undefined) return { sql: select, bind: binding(order), hydrate };
  const place = dataSource.driver.createParameter(build.limit, order.length);
  return { sql: `${select} LIMIT ${place}`, bind: binding([...order, build.limit]), hydrate };
}

/** Returns SQL that counts the rows of a query, up to `max`. */
export function countingSql({ sql }: Pick<CompiledSelect<unknown>, 'sql'>, max: number): string {
  return `SELECT count(*) AS counted FROM (${sql} LIMIT ${max}) AS bounded`;
}

/** The columns that the query selects. The entity itself selects all but `select: false`. */
function selectedColumns(
  builder: SelectQueryBuilder<ObjectLiteral>,
  alias: string,
  columns: ColumnMetadata[],
): ColumnMetadata[] {
  const selections = new Set(builder.expressionMap.selects.map(({ selection }) => selection));
  const whole = selections.has(alias);
  return columns.filter(
    (column) => (whole && column.isSelect) || selections.has(`${alias}.${column.propertyPath}`),
  );
}

function hydration<Entity extends ObjectLiteral>(
  dataSource: DataSource,
  metadata: EntityMetadata,
  columns: ColumnMetadata[],
): (row: readonly unknown[]) => Entity {
  const names = columns.map((column) => column.propertyName);
  const create = constructorOf<Entity>(metadata);
  const converted = columns
    .map((column, index) => ({ column, index }))
    .filter(({ column }) => needsConversion(column));
  return (row) => {
    const entity = create() as Record<string, unknown>;
    for (let i = 0; i < names.length; i++) entity[names[i]!] = row[i];
    for (const { column, index } of converted) {
      const value: unknown = dataSource.driver.prepareHydratedValue(row[index], column);
      entity[column.propertyName] = value;
    }
    return entity as Entity;
  };
}

/** TypeORM's own constructor looks for lazy relations first, which takes as long as all else. */
function constructorOf<Entity>(metadata: EntityMetadata): () => Entity {
  const { target } = metadata;
  if (typeof target !== 'function') return () => metadata.create() as Entity;
  const Row = target as new () => Entity;
  return () => new Row();
}

/** Numbers and strings need no conversion. SQLite stores booleans and JSON as other types. */
function needsConversion(column: ColumnMetadata): boolean {
  return column.type === 'boolean' || column.type === 'simple-json';
}

function binding(order: readonly string[]): CompiledSelect<unknown>['bind'] {
  return (values) => order.map((name) => values[name] ?? null);
}

export function hydrated<Entity>(
  { rows, ...bounds }: BoundedRows<unknown[]>,
  hydrate: CompiledSelect<Entity>['hydrate'],
): BoundedRows<Entity> {
  return { rows: rows.map(hydrate), ...bounds };
}

/** Returns a function that calls `make` once, on its first call, and keeps the result. */
export function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
