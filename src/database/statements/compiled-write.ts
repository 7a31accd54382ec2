import type { EntityManager, EntityMetadata, ObjectLiteral, QueryBuilder } from 'typeorm';
import { isPlaceholder, nameOf, placeholder } from './placeholders.js';

/** The maximum number of statements of an entity, because clients can ask for any number of versions. */
const MAX_STATEMENTS = 100;

type NamedValues = Readonly<Record<string, unknown>>;

/** SQL with placeholders. */
interface CompiledWrite {
  readonly sql: string;
  /** Returns the values in the order of the placeholders. */
  readonly bind: (values: NamedValues) => unknown[];
}

interface Write {
  /** What the text of the statement depends on, beside the entity. */
  key: string;
  /** Builds the query. Its parameters have names, and no values. */
  build: () => QueryBuilder<ObjectLiteral>;
  /** The values of the parameters. */
  values: NamedValues;
}

interface WriteResult {
  /** What the driver returns: rows, or the number of the row that SQLite has inserted last. */
  raw: unknown;
  /** The number of rows that were changed. */
  affected: number;
}

const known = new WeakMap<EntityMetadata, Map<string, CompiledWrite>>();

/**
 * Runs a write whose text TypeORM has built once. To build it takes longer than to run it, and TypeORM
 * writes numbers into the text for SQLite, which then compiles it for each row.
 *
 * @throws QueryFailedError
 */
export async function runCompiled(
  manager: EntityManager,
  metadata: EntityMetadata,
  { key, build, values }: Write,
): Promise<WriteResult> {
  const ofEntity = known.get(metadata) ?? new Map<string, CompiledWrite>();
  known.set(metadata, ofEntity);
  const { sql, bind } = ofEntity.get(key) ?? compile(ofEntity, key, build(), Object.keys(values));
  // The writer of SQLite has one runner, and no transaction that TypeORM knows.
  const runner = manager.queryRunner ?? manager.dataSource.createQueryRunner();
  return (await runner.query(sql, bind(values), true)) as WriteResult;
}

function compile(
  ofEntity: Map<string, CompiledWrite>,
  key: string,
  query: QueryBuilder<ObjectLiteral>,
  names: readonly string[],
): CompiledWrite {
  query.setParameters(Object.fromEntries(names.map((name) => [name, placeholder(name)])));
  const [sql, placeholders] = query.getQueryAndParameters();
  const order = (placeholders as unknown[]).map((value) =>
    isPlaceholder(value) ? nameOf(value) : { value },
  );
  const bind = (values: NamedValues): unknown[] =>
    order.map((each) => (typeof each === 'string' ? values[each] : each.value));
  // A value that TypeORM has generated, such as a UUID, is for one row only.
  const isReusable = order.every((each) => typeof each === 'string');
  if (isReusable && ofEntity.size < MAX_STATEMENTS) ofEntity.set(key, { sql, bind });
  return { sql, bind };
}
