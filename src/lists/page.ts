/** A page of a list, and the cursor of the next one; null if there is none. */
export interface Page<Row> {
  rows: Row[];
  next: string | null;
}

/** Converts each row of a page to an item of the response. */
export function mapPage<Row, Item>(
  { rows, next }: Page<Row>,
  toItem: (row: Row) => Item,
): Page<Item> {
  return { rows: rows.map(toItem), next };
}
