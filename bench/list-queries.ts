/** A list of crates whose last page is compared with its first. */
export interface ListQuery {
  /** The name of the query for `--only`. */
  name: string;
  /** The query string of the URL, without `limit` and `cursor`. */
  query: string;
  /** The minimum rate of the last page, as a share of the first page's rate. */
  target: number;
}

/**
 * Lists that one index answers, and one order of two fields (`sort=-weight,label`), for which the
 * database also sorts the rows that are equal in the first field. A page after a cursor
 * needs two keyset ranges for an order of one field and three for an order of two, at any depth.
 * The first page needs one, so that the targets are below 1.
 */
export const listQueries: readonly ListQuery[] = [
  { name: 'list', query: '', target: 0.8 },
  { name: 'list-filtered', query: 'kind=Metal', target: 0.8 },
  { name: 'list-upwards', query: 'sort=label', target: 0.7 },
  { name: 'list-downwards', query: 'sort=-kind', target: 0.7 },
  { name: 'list-range', query: 'weight[gte]=100&weight[lt]=1000000&sort=weight', target: 0.7 },
  { name: 'list-range-downwards', query: 'label[gt]=M&sort=-label', target: 0.7 },
  { name: 'list-mixed', query: 'sort=-weight,label', target: 0.55 },
];
