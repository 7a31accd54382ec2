/** A list of ships whose first page is measured against its last. */
export interface ListQuery {
  /** What `--only` calls it. */
  name: string;
  /** Of the URL, without `limit` and `cursor`. */
  query: string;
  /** The share of the first page's rate that the last has to reach. */
  target: number;
}

/**
 * What an index answers, and an example of the documentation, whose ties an index leaves to be sorted. A
 * page behind a cursor is read in as many stretches as there are keys (two in order of one field,
 * three of two), of which the first page needs one, so that it can cost that much more, at whatever
 * depth.
 */
export const listQueries: readonly ListQuery[] = [
  { name: 'list', query: '', target: 0.8 },
  { name: 'list-filtered', query: 'affiliation=Empire', target: 0.8 },
  { name: 'list-upwards', query: 'sort=model', target: 0.7 },
  { name: 'list-downwards', query: 'sort=-affiliation', target: 0.7 },
  { name: 'list-mixed', query: 'sort=-length,model', target: 0.55 },
];
