import type { Value } from '../database/select.js';
import type { Condition, ListField, SortKey } from './list-field.js';
import { type ListRange, RANGE_OPERATORS } from './list-query.js';

interface Bound {
  key: Value;
  inclusive: boolean;
}

/** Bounds for a sort key; those that are not given do not limit it. */
export interface KeyBounds {
  lower?: Bound | undefined;
  upper?: Bound | undefined;
}

/** The tightest bounds for the sort key of a field that all rows in the ranges satisfy. */
export function boundsOf(
  { key, isAmbiguous, nullable }: ListField,
  ranges: readonly ListRange[],
): KeyBounds {
  const withoutNull = nullable ? { lower: { key: key!.least, inclusive: false } } : {};
  return ranges.reduce<KeyBounds>((bounds, { operator, value }) => {
    // Longer values with the same key may be greater or smaller.
    const inclusive = operator.endsWith('e') || isAmbiguous?.(value) === true;
    const bound = { key: key!.of(value), inclusive };
    return intersect(bounds, operator.startsWith('g') ? { lower: bound } : { upper: bound });
  }, withoutNull);
}

export function intersect(a: KeyBounds, b: KeyBounds): KeyBounds {
  return { lower: tighter(a.lower, b.lower, 1), upper: tighter(a.upper, b.upper, -1) };
}

/** @param sign 1 if the greater bound is the tighter one, otherwise -1 */
function tighter(a: Bound | undefined, b: Bound | undefined, sign: number): Bound | undefined {
  if (!a || !b) return a ?? b;
  const difference = sign * compareKeys(a.key, b.key);
  if (difference !== 0) return difference > 0 ? a : b;
  return a.inclusive ? b : a;
}

export function isWithin(key: Value, { lower, upper }: KeyBounds): boolean {
  const isBeyond = (bound: Bound | undefined, sign: number) => {
    const difference = bound ? sign * compareKeys(key, bound.key) : 1;
    return difference > 0 || (difference === 0 && bound!.inclusive);
  };
  return isBeyond(lower, 1) && isBeyond(upper, -1);
}

/** The condition for keys within the bounds. One range of an index satisfies it. */
export function within(
  { sql, parameter }: Omit<SortKey, 'sql'> & { sql: string },
  { lower, upper }: KeyBounds,
): Condition {
  const parts: string[] = [];
  const values: Condition['values'] = {};
  if (lower) {
    parts.push(`${sql} ${lower.inclusive ? '>=' : '>'} ${parameter('lower')}`);
    values.lower = lower.key;
  }
  if (upper) {
    parts.push(`${sql} ${upper.inclusive ? '<=' : '<'} ${parameter('upper')}`);
    values.upper = upper.key;
  }
  return { sql: parts.join(' AND '), values };
}

/** The condition for values of a column in a range, which null never satisfies. */
export function rangeCondition(
  column: string,
  { parameter }: Pick<SortKey, 'parameter'>,
  { field, operator, value }: ListRange,
): Condition {
  const name = `${operator}_${field}`;
  return {
    sql: `${column} ${RANGE_OPERATORS[operator]} ${parameter(name)}`,
    values: { [name]: value },
  };
}

/** Compares keys as the database does: numbers by value, texts by their bytes in UTF-8. */
function compareKeys(a: Value, b: Value): number {
  return typeof a === 'number'
    ? a - (b as number)
    : Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
}
