import { INT_32 } from '../validation/integer-column.js';
import { messages } from '../validation/messages.js';
import type { Value } from '../database/select.js';
import {
  InvalidParameter,
  integerWithin,
  type ListFields,
  type Parameter,
  type SortKey,
} from './list-field.js';
import type { SortTerm } from './list-query.js';

const ID = integerWithin(INT_32);

/**
 * Creates a cursor. The list continues after the row with these keys, even if that row no longer
 * exists. The cursor contains the sort order, because the keys have no meaning in another order.
 */
export function writeCursor(sort: readonly SortTerm[], keys: readonly Value[]): string {
  return Buffer.from(JSON.stringify([nameOf(sort), ...keys])).toString('base64url');
}

export function readCursor(
  fields: ListFields,
  sort: readonly SortTerm[],
  parameter: Parameter,
): readonly Value[] | InvalidParameter {
  const [order, ...keys] = contentOf(String(parameter));
  const fits =
    order === nameOf(sort) &&
    keys.length === sort.length &&
    sort.every(({ field }, index) => keyOf(fields, field).isKey(keys[index])) &&
    writeCursor(sort, keys as Value[]) === parameter;
  return fits ? (keys as Value[]) : new InvalidParameter(messages.cursor);
}

/** The sort key of a field. Every list can be sorted by `id`. */
export function keyOf(fields: ListFields, field: string): SortKey {
  const key = (fields[field] ?? ID).key;
  if (!key) throw new Error(`Lists cannot be sorted by ${field}.`);
  return key;
}

function nameOf(sort: readonly SortTerm[]): string {
  return sort.map(({ field, descending }) => (descending ? `-${field}` : field)).join(',');
}

function contentOf(cursor: string): unknown[] {
  try {
    const content: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    return Array.isArray(content) ? content : [];
  } catch {
    return [];
  }
}
