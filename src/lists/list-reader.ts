import type { ObjectLiteral } from 'typeorm';
import type { Database } from '../database/database.js';
import type { Select, Value } from '../database/select.js';
import { keyOf, writeCursor } from './cursor.js';
import {
  boundsOf,
  intersect,
  isWithin,
  type KeyBounds,
  rangeCondition,
  within,
} from './key-bounds.js';
import { waitToSend, waitToRead } from './large-pages.js';
import type { Condition, ListFields, SortKey } from './list-field.js';
import { BY_ID, type ListQuery, type ListRange, type SortTerm } from './list-query.js';
import type { Page } from './page.js';

/** The rows of a keyset range, and their order. */
interface KeysetRange {
  condition: Condition;
  sort: readonly SortTerm[];
}

/** A read of rows of a page, without its limit. */
interface Read<Entity> {
  select: Select<Entity, string>;
  values: Condition['values'];
}

interface ListOptions {
  /** Whether every read of the list may scan many rows. */
  expensive?: boolean;
  /**
   * An SQL condition for every row. The values of the scope are its parameters: `:scope_ownerId`.
   */
  condition?: string;
}

/** The maximum number of prepared queries, because clients can request any number of them. */
const MAX_PREPARED = 100;

/**
 * Reads lists page by page. A page is found by the sort keys of the row before it, and never by
 * counting rows, so with an index of these keys no page costs more than the first. See
 * docs/decisions/0009-lists.md.
 */
export class ListReader<Entity extends ObjectLiteral> {
  private readonly prepared = new Map<string, Select<Entity, string>>();
  /** The reads of the first page in order of `id`, by the names of the scope. */
  private readonly firstReads = new Map<string, Read<Entity>>();

  constructor(
    private readonly database: Database,
    private readonly entity: new () => Entity,
    private readonly fields: ListFields,
    private readonly options: ListOptions = {},
  ) {}

  /** @param scope the values that all rows of the list have, by property */
  async page(query: ListQuery, scope: Record<string, Value> = {}): Promise<Page<Entity>> {
    const { limit, sort } = query;
    // One row more than the page may hold tells whether another page follows.
    const wanted = limit + 1;
    const rows: Entity[] = [];
    let truncated = false;
    let maxBytes = 0;
    await waitToRead();
    for (const { select, values } of this.readsOf(query, scope)) {
      if (rows.length >= wanted || truncated) break;
      // The size limit applies to the whole page, and not to each range.
      const bytes = rows.length === 0 ? 0 : Buffer.byteLength(JSON.stringify(rows));
      const given = { ...values, limit: wanted - rows.length };
      const found = await select.bounded(given, query.caller, bytes);
      rows.push(...found.rows);
      ({ truncated, maxBytes } = found);
    }
    await waitToSend(maxBytes);
    if (rows.length < wanted && !truncated) return { rows, next: null };
    const page = rows.slice(0, Math.min(limit, Math.max(1, rows.length - 1)));
    return { rows: page, next: writeCursor(sort, this.keysOf(page.at(-1)!, sort)) };
  }

  /**
   * Whether a read may scan and sort many rows. A read is cheap if an index returns its rows in
   * order: the rows of one filter or of a scope in order of `id`, or all rows, or those in a range
   * of the field, in order of one field. A filter or a range by 100 characters or more is not cheap,
   * because an index holds the first 100 of each text.
   */
  private isExpensive({ filters, ranges, sort }: ListQuery, scope: Record<string, Value>): boolean {
    if (this.options.expensive === true) return true;
    const restrictions = filters.length + ranges.length;
    if (Object.keys(scope).length > 0) return restrictions > 0 || sort.length > 1;
    const isCheap = (name: string, value?: Value) => {
      // A list that does not name the field `id` can still be sorted by it.
      const { isIndexed, isAmbiguous } = this.fields[name] ?? { isIndexed: name === 'id' };
      return isIndexed === true && (value === undefined || isAmbiguous?.(value) !== true);
    };
    const indexed =
      filters.every(([name, value]) => isCheap(name, value)) &&
      ranges.every(({ field, value }) => {
        const { sharesKeyWithNull = false } = this.fields[field]!;
        return field === sort[0]!.field && isCheap(field, value) && !sharesKeyWithNull;
      }) &&
      sort.every(({ field }) => isCheap(field));
    // A filter by one field and an order by another need to sort.
    return (
      !indexed || filters.length + sort.length > 2 || (filters.length > 0 && ranges.length > 0)
    );
  }

  private scopeConditions(scope: Record<string, Value>): Condition[] {
    const conditions = Object.entries(scope).map(([property, value]) => ({
      sql: `${ALIAS}.${property} = :scope_${property}`,
      values: scopeValues({ [property]: value }),
    }));
    const { condition } = this.options;
    return condition === undefined ? conditions : [...conditions, { sql: condition, values: {} }];
  }

  private filterConditions({ filters }: ListQuery): Condition[] {
    return filters.map(([name, value]) =>
      this.fields[name]!.condition(this.column(name), `is_${name}`, value, this.database),
    );
  }

  /**
   * Without a range on the column that the list is sorted by: `keysetRanges` has it, and with two
   * bounds for a column SQLite could read from the wider one.
   */
  private rangeConditions({ ranges, sort }: ListQuery): Condition[] {
    return ranges
      .filter(({ field }) => {
        return field !== sort[0]!.field || this.key(field).sql !== this.column(field);
      })
      .map((range) =>
        rangeCondition(this.column(range.field), keyOf(this.fields, range.field), range),
      );
  }

  /**
   * The keyset ranges after the cursor, in order: the rows that differ from it only in the last
   * key, then those that differ in the last key but one, and so on. An index can serve each range,
   * even if one key is ascending and another descending. It could not serve all ranges in one
   * query.
   */
  private keysetRanges({ sort, ranges, after }: ListQuery): KeysetRange[] {
    const keys = sort.map(({ field }) => this.key(field));
    const [first, { field, descending }] = [keys[0]!, sort[0]!];
    const bounds = this.keyBounds(field, ranges);
    if (after === null) {
      // True for every row, and tells SQLite that the index of the first key gives the order.
      const all = { lower: { key: first.least, inclusive: true } };
      return [{ condition: within(first, intersect(all, bounds)), sort }];
    }
    const compare = (index: number, operator: string): string =>
      `${keys[index]!.sql} ${operator} ${keys[index]!.parameter(`after_${index}`)}`;
    const last = { key: after[0]!, inclusive: false };
    const beyond = intersect(descending ? { upper: last } : { lower: last }, bounds);
    const ofOtherKey = { condition: within(first, beyond), sort };
    // A client can change a cursor, so that its row is not in the range.
    if (!isWithin(last.key, bounds)) return [ofOtherKey];
    const ofSameKey = sort.slice(1).map((term, index) => {
      const differing = index + 1;
      const same = keys.slice(0, differing).map((_, i) => compare(i, '='));
      const values = after.slice(0, differing + 1).map((key, i) => [`after_${i}`, key] as const);
      const condition = {
        sql: [...same, compare(differing, term.descending ? '<' : '>')].join(' AND '),
        values: Object.fromEntries(values),
      };
      return { condition, sort: sort.slice(differing) };
    });
    return [...ofSameKey.reverse(), ofOtherKey];
  }

  private keyBounds(field: string, ranges: readonly ListRange[]): KeyBounds {
    const own = ranges.filter((range) => range.field === field);
    return own.length > 0 ? boundsOf(this.fields[field]!, own) : {};
  }

  /** The reads of a page, in order. Those after the first one are needed only for rows that it lacks. */
  private readsOf(query: ListQuery, scope: Record<string, Value>): Iterable<Read<Entity>> {
    const { filters, ranges, sort, after } = query;
    const isFirst = after === null && sort === BY_ID && filters.length + ranges.length === 0;
    return isFirst ? [this.firstRead(query, scope)] : this.reads(query, scope);
  }

  /** The read that most requests ask for. Building the text of its query took as long as a row. */
  private firstRead(query: ListQuery, scope: Record<string, Value>): Read<Entity> {
    const name = Object.keys(scope).join();
    const first = this.firstReads.get(name) ?? [...this.reads(query, scope)][0]!;
    this.firstReads.set(name, first);
    return { select: first.select, values: { ...first.values, ...scopeValues(scope) } };
  }

  private *reads(query: ListQuery, scope: Record<string, Value>): Generator<Read<Entity>> {
    const conditions = [
      ...this.scopeConditions(scope),
      ...this.filterConditions(query),
      ...this.rangeConditions(query),
    ];
    const expensive = this.isExpensive(query, scope);
    for (const { condition, sort } of this.keysetRanges(query)) {
      const all = [...conditions, condition];
      const values = Object.assign({}, ...all.map((each) => each.values)) as Condition['values'];
      const where = all.map(({ sql }) => sql).join(' AND ');
      yield { select: this.prepare(where, sort, Object.keys(values), expensive), values };
    }
  }

  private prepare(
    where: string,
    sort: readonly SortTerm[],
    parameters: string[],
    expensive: boolean,
  ): Select<Entity, string> {
    const order = sort.map(({ field, descending }) => {
      return [this.key(field).sql, descending ? 'DESC' : 'ASC'] as const;
    });
    // The same filter is expensive with some values and cheap with others.
    const name = [expensive, where, ...order.flat()].join(' ');
    const known = this.prepared.get(name);
    if (known) return known;
    const select = this.database.select<Entity, string>({
      parameters,
      limit: 'limit',
      expensive,
      query: (manager) => {
        const query = manager.createQueryBuilder(this.entity, ALIAS).where(where);
        for (const [key, direction] of order) query.addOrderBy(key, direction);
        return query;
      },
    });
    const [oldest] = this.prepared.keys();
    if (oldest !== undefined && this.prepared.size >= MAX_PREPARED) this.prepared.delete(oldest);
    this.prepared.set(name, select);
    return select;
  }

  private keysOf(row: Entity, sort: readonly SortTerm[]): Value[] {
    return sort.map(({ field }) => keyOf(this.fields, field).of(row[this.property(field)]));
  }

  /** The sort key of a field, with the SQL for its column. */
  private key(field: string): Omit<SortKey, 'sql'> & { sql: string } {
    const key = keyOf(this.fields, field);
    return { ...key, sql: key.sql(this.column(field)) };
  }

  private column(field: string): string {
    return `${ALIAS}.${this.property(field)}`;
  }

  private property(field: string): string {
    return this.fields[field]?.property ?? field;
  }
}

const ALIAS = 'item';

function scopeValues(scope: Record<string, Value>): Condition['values'] {
  const named = Object.entries(scope).map(([property, value]) => [`scope_${property}`, value]);
  return Object.fromEntries(named) as Condition['values'];
}
