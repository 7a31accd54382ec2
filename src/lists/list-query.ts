import type { ReadCaller, Value } from '../database/select.js';

export interface SortTerm {
  field: string;
  descending: boolean;
}

/** The operators of ranges in SQL, by their names in a query string: `crew[gte]=5`. */
export const RANGE_OPERATORS = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const;

export type RangeOperator = keyof typeof RANGE_OPERATORS;

/** A bound for the values of a field. */
export interface ListRange {
  field: string;
  operator: RangeOperator;
  /** Not null. */
  value: Value;
}

/** Which rows of a list a client wants, and in which order. */
export interface ListQuery {
  /** The maximum number of rows. */
  limit: number;
  /** The sort order. The last field is always `id`, which is unique. */
  sort: readonly SortTerm[];
  /** The values that fields must have, in the order of the resource's fields. */
  filters: readonly (readonly [field: string, value: Value])[];
  /** The bounds for the values of fields. Null is in no range. */
  ranges: readonly ListRange[];
  /** The sort keys of the last row of the previous page; null for the first page. */
  after: readonly Value[] | null;
  /** The caller, in case the read is expensive. */
  caller?: ReadCaller;
}

export const BY_ID: readonly SortTerm[] = [{ field: 'id', descending: false }];

/** The first page of a list in order of `id`. */
export function firstPage(limit: number): ListQuery {
  return { limit, sort: BY_ID, filters: [], ranges: [], after: null };
}
