import { type IntegerBounds, SAFE_INTEGER, schemaOf } from '../validation/integer-column.js';
import { messages } from '../validation/messages.js';
import { isDateTime, isText, nfc } from '../validation/values.js';
import type { Database } from '../database/database.js';
import type { Value } from '../database/select.js';

/**
 * The number of characters of a text that a list is sorted by. Longer texts with the same beginning
 * are ties. This keeps cursors, which are part of a URL, short. It also lets an index accept any
 * text: an entry of PostgreSQL's indexes has at most 2704 bytes.
 */
export const SORTED_LENGTH = 100;

/** A query parameter; several with the same name are an array. */
export type Parameter = string | string[];

/** The result of parsing an invalid parameter. */
export class InvalidParameter {
  constructor(readonly message: string) {}
}

/** A condition in SQL, and the values of its parameters by name. */
export interface Condition {
  sql: string;
  values: Record<string, Value>;
}

/** A key that rows are sorted by. It is derived from a field, and is never null. */
export interface SortKey {
  /**
   * Returns the SQL of the key.
   *
   * @param column as it is written in a query: `item.model`
   */
  sql: (column: string) => string;
  /** Returns the SQL of a parameter that a key is compared with. */
  parameter: (name: string) => string;
  /** Returns the key for a value of the field. */
  of: (value: unknown) => Value;
  /** Whether a value in a cursor is a possible key. */
  isKey: (value: unknown) => value is Value;
  /** The smallest key. */
  least: Value;
}

/**
 * A field of a resource that a list can be filtered by. If it has a key, the list can be sorted by it,
 * and limited to a range: the column is compared with a value of `parse`, as `key.parameter` writes it.
 */
export interface ListField {
  /** The property of the entity, if it has another name than the field. */
  property?: string;
  /** The JSON Schema of the filter's values, except null. */
  schema: object;
  /** Whether a filter may be `null`. By default it may not. */
  nullable?: boolean;
  parse: (parameter: Parameter) => Value | InvalidParameter;
  /**
   * Returns the condition for the rows that a filter matches.
   *
   * @param name of the SQL parameter
   */
  condition: (column: string, name: string, value: Value, database: Database) => Condition;
  key?: SortKey;
  /** Whether an index serves filters and sorted lists of the field. By default it does not. */
  isIndexed?: boolean;
  /**
   * Whether an index of the key may also find rows with other values for this filter, so that a
   * read may scan many rows. By default it does not.
   */
  isAmbiguous?: (value: Value) => boolean;
  /** Whether null has the key of another value, so that the read of a range may scan many nulls. */
  sharesKeyWithNull?: boolean;
  /** Whether the field holds several values. A filter matches if one of them is equal. */
  many?: boolean;
}

/** The fields of a resource that lists know, by the names that clients use. */
export type ListFields = Readonly<Record<string, ListField>>;

/** The cast makes the same parameter fit every integer column of PostgreSQL. */
const integerParameter = (name: string): string => `CAST(:${name} AS bigint)`;

/**
 * An integer field. Cursors and filters are limited to the range of its column, because PostgreSQL
 * refuses other values. Null comes before all integers.
 */
export function integerWithin(bounds: IntegerBounds, nullable = false): ListField {
  const keyOfNull = bounds.min - 1;
  const least = nullable ? keyOfNull : bounds.min;
  return {
    schema: schemaOf(bounds),
    nullable,
    parse: (parameter) => {
      if (nullable && parameter === 'null') return null;
      return parseIntegerWithin(parameter, bounds);
    },
    condition: (column, name, value) =>
      value === null
        ? { sql: `${column} IS NULL`, values: {} }
        : { sql: `${column} = ${integerParameter(name)}`, values: { [name]: value } },
    key: {
      sql: (column) => (nullable ? `COALESCE(${column}, ${keyOfNull})` : column),
      parameter: integerParameter,
      of: (value) => (value === null ? keyOfNull : (value as number)),
      isKey: (value): value is number =>
        Number.isInteger(value) && (value as number) >= least && (value as number) <= bounds.max,
      least,
    },
  };
}

/** A timestamp: milliseconds since 1970 in the database, a date and time (RFC 3339) for clients. */
export function timestamp({ property }: { property: string }): ListField {
  return {
    ...integerWithin(SAFE_INTEGER),
    property,
    schema: { type: 'string', format: 'date-time' },
    parse: (parameter) => {
      return isDateTime(parameter)
        ? Date.parse(parameter)
        : new InvalidParameter(messages.dateTime);
    },
  };
}

/** A field of true and false. A filter takes `true`, `false` or, if it may be, `null`. It has no sort key. */
export function boolean({ nullable = false }: { nullable?: boolean } = {}): ListField {
  const values = ['true', 'false', ...(nullable ? ['null'] : [])];
  return {
    schema: { type: 'string', enum: values },
    parse: (parameter) =>
      values.includes(parameter as string)
        ? (parameter as string)
        : new InvalidParameter(messages.oneOf(values)),
    condition: (column, _name, value) => {
      if (value === 'null') return { sql: `${column} IS NULL`, values: {} };
      return { sql: value === 'true' ? column : `NOT ${column}`, values: {} };
    },
  };
}

interface TextOptions {
  nullable?: boolean;
  /** The maximum number of characters. */
  max?: number;
  /** Whether the text is stored in Unicode NFC. */
  normalized?: boolean;
}

/**
 * A text field, sorted by code points. A filter matches exactly the same text. Null is sorted like
 * an empty text, and no filter matches it.
 */
export function text(options: TextOptions = {}): ListField {
  const { max = Infinity, normalized = false, nullable = false } = options;
  const whole = max <= SORTED_LENGTH;
  const keyOf = (column: string) => (whole ? column : `SUBSTR(${column}, 1, ${SORTED_LENGTH})`);
  return {
    schema: { type: 'string' },
    parse: (parameter) => {
      if (!isText(parameter)) return new InvalidParameter(messages.string);
      return normalized ? nfc(parameter) : parameter;
    },
    condition: (column, name, value) => {
      const same = { sql: `${column} = :${name}`, values: { [name]: value } };
      if (whole) return same;
      // The condition on the key can use an index.
      const key = `${name}_key`;
      return {
        sql: `${keyOf(column)} = :${key} AND ${same.sql}`,
        values: { ...same.values, [key]: beginningOf(value as string) },
      };
    },
    key: {
      sql: (column) => (nullable ? `COALESCE(${keyOf(column)}, '')` : keyOf(column)),
      parameter: (name) => `:${name}`,
      of: (value) => beginningOf((value ?? '') as string),
      isKey: (value): value is string => isText(value) && beginningOf(value) === value,
      least: '',
    },
    // The key of a shorter text is the text itself, and no other text has that key.
    isAmbiguous: (value) => !whole && hasSortedLength(value as string),
    sharesKeyWithNull: nullable,
  };
}

/**
 * A field with a list of texts. A filter matches if the list contains its text. It has no sort key.
 */
export function textList(): ListField {
  return {
    many: true,
    schema: { type: 'string' },
    parse: (parameter) => (isText(parameter) ? parameter : new InvalidParameter(messages.string)),
    condition: (column, name, value, database) => ({
      sql: database.listHolds(column, `:${name}`),
      values: { [name]: value },
    }),
  };
}

function parseIntegerWithin(
  parameter: Parameter,
  { min, max }: IntegerBounds,
): number | InvalidParameter {
  const value = parseInteger(parameter);
  if (value === null) return new InvalidParameter(messages.integer);
  if (value < min) return new InvalidParameter(messages.min(min));
  return value > max ? new InvalidParameter(messages.max(max)) : value;
}

/** Returns the integer in a parameter, or null. */
export function parseInteger(parameter: Parameter): number | null {
  const one = typeof parameter === 'string' && /^-?\d{1,16}$/.test(parameter);
  return one && Number.isSafeInteger(Number(parameter)) ? Number(parameter) : null;
}

/** Whether the text has 100 code points or more. */
function hasSortedLength(value: string): boolean {
  return Array.from(beginningOf(value)).length === SORTED_LENGTH;
}

/** The first 100 code points of a text, which SQL counts as characters. */
function beginningOf(value: string): string {
  if (value.length <= SORTED_LENGTH) return value;
  const units = value.slice(0, 2 * SORTED_LENGTH);
  return Array.from(units).slice(0, SORTED_LENGTH).join('');
}
