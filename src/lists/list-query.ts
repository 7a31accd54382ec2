import type { ReadCaller, Value } from '../database/select.js';

export interface SortTerm {
  field: string;
  descending: boolean;
}

/** Which rows of a list a client wants, and in which order. */
export interface ListQuery {
  /** How many at most. */
  limit: number;
  /** What they are in order of; the last is `id`, which no two rows share. */
  sort: readonly SortTerm[];
  /** What they hold, in the order of the resource's fields. */
  filters: readonly (readonly [field: string, value: Value])[];
  /** The sort keys of the row that they come after; null for the first page. */
  after: readonly Value[] | null;
  /** Whose turn it takes if it is expensive. */
  caller?: ReadCaller;
}

export const BY_ID: readonly SortTerm[] = [{ field: 'id', descending: false }];

/** The beginning of a list in order of `id`. */
export function firstPage(limit: number): ListQuery {
  return { limit, sort: BY_ID, filters: [], after: null };
}
