import { columnsOf, type EntityClass } from './columns.js';

/** A range of integers that includes both ends. */
export interface IntegerBounds {
  readonly min: number;
  readonly max: number;
}

/** A column of an entity, by its property. */
type ColumnOf = readonly [entity: EntityClass, property: string];

/** The range of `int` on PostgreSQL. SQLite would store more. */
export const INT_32: IntegerBounds = { min: -(2 ** 31), max: 2 ** 31 - 1 };
const INT_16: IntegerBounds = { min: -(2 ** 15), max: 2 ** 15 - 1 };
/** A `bigint` is limited to what readers of JSON can represent exactly (RFC 8259, section 6). */
export const SAFE_INTEGER: IntegerBounds = {
  min: Number.MIN_SAFE_INTEGER,
  max: Number.MAX_SAFE_INTEGER,
};

/**
 * The ranges by the type in `@Column`. Without one, TypeORM uses the type of the property,
 * `Number`.
 */
const BOUNDS = new Map<unknown, IntegerBounds>([
  ...['int', 'integer', 'int4', Number].map((type) => [type, INT_32] as const),
  ...['smallint', 'int2'].map((type) => [type, INT_16] as const),
  ...['bigint', 'int8'].map((type) => [type, SAFE_INTEGER] as const),
]);

/**
 * The integers that a column holds on both databases.
 *
 * @throws Error if the entity has no such column, or it does not hold integers
 */
export function boundsOf([entity, property]: ColumnOf): IntegerBounds {
  const column = columnsOf(entity).find((each) => each.property === property);
  const bounds = boundsOfType(column?.type);
  if (!bounds) throw new Error(`${entity.name}.${property} is not an integer column.`);
  return bounds;
}

/** Returns the integers that a column of this type holds, if it holds integers. */
export function boundsOfType(type: unknown): IntegerBounds | undefined {
  return BOUNDS.get(type);
}

/** The format of OpenAPI for integers up to `max`. */
export function formatOf(max: number): 'int32' | 'int64' {
  return max > INT_32.max ? 'int64' : 'int32';
}

/** The range as a JSON Schema. */
export function schemaOf({ min, max }: IntegerBounds) {
  return { type: 'integer', format: formatOf(max), minimum: min, maximum: max };
}

/** A schema of values that may also be null (OpenAPI 3.1 uses JSON Schema). */
export function orNull(schema: object) {
  return { oneOf: [schema, { type: 'null' }] };
}
