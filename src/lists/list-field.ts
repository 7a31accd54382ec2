import {
  boundsOf,
  type ColumnOf,
  INT_32,
  type IntegerBounds,
  SAFE_INTEGER,
  schemaOf,
} from '../validation/integer-column.js';
import { messages } from '../validation/messages.js';
import { isDateTime, isText, nfc } from '../validation/values.js';
import type { Database } from '../database/database.js';
import type { Value } from '../database/select.js';

/**
 * How many characters of a text a list is sorted by; longer texts that begin alike are ties. So a
 * cursor, which is part of an address, stays short, and an index takes any text: PostgreSQL's hold
 * no more than 2704 bytes.
 */
export const SORTED_LENGTH = 100;

/** A parameter of a URL; several of one name are an array. */
export type Parameter = string | string[];

/** Why a parameter is invalid. */
export class InvalidParameter {
  constructor(readonly message: string) {}
}

/** A condition in SQL, and the values of its parameters by name. */
export interface Condition {
  sql: string;
  values: Record<string, Value>;
}

/** What rows are sorted by: made of a field, and never null. */
export interface SortKey {
  /** @param column as a query names it: `item.model` */
  sql: (column: string) => string;
  /** A parameter that a key is compared with, in SQL. */
  parameter: (name: string) => string;
  /** The key of a row whose field holds this. */
  of: (value: unknown) => Value;
  isKey: (value: unknown) => value is Value;
  /** No key is less. */
  least: Value;
}

/** A field of a resource that a list can be filtered by, and sorted by where it has a key. */
export interface ListField {
  /** The entity's property, where it is not called as the field is. */
  property?: string;
  /** The values of its filter, in JSON Schema. */
  schema: object;
  parse: (parameter: Parameter) => Value | InvalidParameter;
  /**
   * What holds for the rows that a filter finds.
   *
   * @param name of its parameter
   */
  condition: (column: string, name: string, value: Value, database: Database) => Condition;
  key?: SortKey;
  /**
   * Whether the rows that an index of the key finds for this filter may hold other values, so that a
   * read may scan many rows. Without it none do.
   */
  isAmbiguous?: (value: Value) => boolean;
  /** Whether it holds several values, any of which a filter may name. */
  many?: boolean;
}

/** The fields of a resource, as clients call them. Lists know no other. */
export type ListFields = Readonly<Record<string, ListField>>;

/** So that one type of parameter suits every column of integers on PostgreSQL. */
const integerParameter = (name: string): string => `CAST(:${name} AS bigint)`;

interface FieldOptions {
  property?: string;
  nullable?: boolean;
}

interface IntegerOptions {
  /** What it is stored in, and its property; a column `int` of the field's name if it is left out. */
  column?: ColumnOf;
  nullable?: boolean;
}

/**
 * An integer that its column holds: PostgreSQL takes no cursor or filter beyond. One that may be null is
 * at least 0 where it is not, and comes first where it is.
 */
export function integer({ column, nullable = false }: IntegerOptions = {}): ListField {
  const bounds = column ? boundsOf(column) : INT_32;
  return { ...(column && { property: column[1] }), ...integerWithin(bounds, nullable) };
}

function integerWithin(bounds: IntegerBounds, nullable = false): ListField {
  const schema = schemaOf(bounds);
  return {
    schema: nullable ? { oneOf: [schema, { type: 'string', enum: ['null'] }] } : schema,
    parse: (parameter) => {
      if (nullable && parameter === 'null') return null;
      return parseIntegerWithin(parameter, bounds);
    },
    condition: (column, name, value) =>
      value === null
        ? { sql: `${column} IS NULL`, values: {} }
        : { sql: `${column} = ${integerParameter(name)}`, values: { [name]: value } },
    key: {
      sql: (column) => (nullable ? `COALESCE(${column}, -1)` : column),
      parameter: integerParameter,
      of: (value) => (value === null ? -1 : (value as number)),
      isKey: (value): value is number =>
        Number.isInteger(value) &&
        (value as number) >= bounds.min &&
        (value as number) <= bounds.max,
      least: bounds.min,
    },
  };
}

/** A moment: milliseconds since 1970 in the database, a date and time (RFC 3339) to clients. */
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

interface TextOptions extends FieldOptions {
  /** Characters that it has at most. */
  max?: number;
  /** Kept in Unicode NFC. */
  normalized?: boolean;
}

/**
 * A text, in order of its code points. A filter finds what is the same, letter for letter. One that
 * is null comes first, as if it were empty, and no filter finds it.
 */
export function text(options: TextOptions = {}): ListField {
  const { max = Infinity, normalized = false, nullable = false, property } = options;
  const whole = max <= SORTED_LENGTH;
  const keyOf = (column: string) => (whole ? column : `SUBSTR(${column}, 1, ${SORTED_LENGTH})`);
  return {
    ...(property !== undefined && { property }),
    schema: { type: 'string' },
    parse: (parameter) => {
      if (!isText(parameter)) return new InvalidParameter(messages.string);
      return normalized ? nfc(parameter) : parameter;
    },
    condition: (column, name, value) => {
      const same = { sql: `${column} = :${name}`, values: { [name]: value } };
      if (whole) return same;
      // By its key, which there may be an index for.
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
  };
}

/** A list of texts. A filter finds the lists that hold it; there is no order among lists. */
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

/** The integer that a parameter stands for, or null. */
export function parseInteger(parameter: Parameter): number | null {
  const one = typeof parameter === 'string' && /^-?\d{1,16}$/.test(parameter);
  return one && Number.isSafeInteger(Number(parameter)) ? Number(parameter) : null;
}

/** Whether it has 100 code points or more. */
function hasSortedLength(value: string): boolean {
  return Array.from(beginningOf(value)).length === SORTED_LENGTH;
}

/** By code points, as SQL counts them. */
function beginningOf(value: string): string {
  if (value.length <= SORTED_LENGTH) return value;
  const units = value.slice(0, 2 * SORTED_LENGTH);
  return Array.from(units).slice(0, SORTED_LENGTH).join('');
}
