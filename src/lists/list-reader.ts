import type { ObjectLiteral } from 'typeorm';
import type { Database } from '../database/database.js';
import type { Light, Select, Value } from '../database/select.js';
import { keyOf, writeCursor } from './cursor.js';
import type { Condition, ListFields, SortKey } from './list-field.js';
import type { ListQuery, SortTerm } from './list-query.js';

/** A page of a list, and the cursor of the one that follows; null where none does. */
export interface Page<Row> {
  rows: Row[];
  next: string | null;
}

/** Rows that are one stretch of a list, and what they are in order of. */
interface Stretch {
  condition: Condition;
  sort: readonly SortTerm[];
}

/** How many kinds of queries are kept prepared: clients could ask for any number of them. */
const MAX_PREPARED = 100;

/**
 * Reads lists page by page. A page is found by the sort keys of the row before it, never by
 * counting rows: with an index of those keys, none costs more than the first. See
 * docs/decisions/0009-lists.md.
 */
export class ListReader<Entity extends ObjectLiteral> {
  private readonly prepared = new Map<string, Select<Entity, string>>();

  /** @param options.heavy whether reading may look at many rows whatever is asked */
  constructor(
    private readonly database: Database,
    private readonly entity: new () => Entity,
    private readonly fields: ListFields,
    private readonly options: { heavy?: boolean } = {},
  ) {}

  /** @param scope what all rows of the list hold, by property */
  async page(query: ListQuery, scope: Record<string, Value> = {}): Promise<Page<Entity>> {
    const { limit, sort } = query;
    const conditions = [...scopeConditions(scope), ...this.filterConditions(query)];
    const heavy = this.isHeavy(query, scope);
    // One more than the page may hold tells whether another follows.
    const wanted = limit + 1;
    const rows: Entity[] = [];
    let isCut = false;
    for (const stretch of this.stretches(query)) {
      if (rows.length >= wanted || isCut) break;
      const found = await this.read(stretch, conditions, wanted - rows.length, heavy);
      rows.push(...found.rows);
      ({ isCut } = found);
    }
    if (rows.length < wanted && !isCut) return { rows, next: null };
    const page = rows.slice(0, Math.min(limit, Math.max(1, rows.length - 1)));
    return { rows: page, next: writeCursor(sort, this.keysOf(page.at(-1)!, sort)) };
  }

  /**
   * An index gives the rows of one filter in order of `id`, and all rows in order of one field.
   * Whatever else is asked may have to look at many rows, unless they are few from the beginning.
   */
  private isHeavy({ filters, sort }: ListQuery, scope: Record<string, Value>): boolean {
    if (this.options.heavy === true) return true;
    if (Object.keys(scope).length > 0) return false;
    const indexed = filters.every(([name]) => this.fields[name]!.key !== undefined);
    return !indexed || filters.length + sort.length > 2;
  }

  private filterConditions({ filters }: ListQuery): Condition[] {
    return filters.map(([name, value]) =>
      this.fields[name]!.condition(this.column(name), `is_${name}`, value, this.database),
    );
  }

  /**
   * What comes behind the cursor, in order: the rows that differ from it in the last key alone,
   * then those that differ in the last but one, and so on. Each is one stretch of an index, which
   * all of them together are not where one key goes upwards and another downwards.
   */
  private stretches({ sort, after }: ListQuery): Stretch[] {
    const keys = sort.map(({ field }) => this.key(field));
    if (after === null) {
      const { sql, parameter, least } = keys[0]!;
      // True for every row, and tells SQLite that the index of the first key gives the order.
      const everything = { sql: `${sql} >= ${parameter('least')}`, values: { least } };
      return [{ condition: everything, sort }];
    }
    const compare = (index: number, operator: string): string =>
      `${keys[index]!.sql} ${operator} ${keys[index]!.parameter(`after_${index}`)}`;
    return sort
      .map(({ descending }, differing) => {
        const same = keys.slice(0, differing).map((_, index) => compare(index, '='));
        const behind = compare(differing, descending ? '<' : '>');
        const values = after.slice(0, differing + 1).map((key, i) => [`after_${i}`, key] as const);
        const condition = {
          sql: [...same, behind].join(' AND '),
          values: Object.fromEntries(values),
        };
        return { condition, sort: sort.slice(differing) };
      })
      .reverse();
  }

  private read(
    stretch: Stretch,
    conditions: Condition[],
    limit: number,
    heavy: boolean,
  ): Promise<Light<Entity>> {
    const all = [...conditions, stretch.condition];
    const values = Object.assign({}, ...all.map((each) => each.values)) as Condition['values'];
    const where = all.map(({ sql }) => sql).join(' AND ');
    const select = this.prepare(where, stretch.sort, Object.keys(values), heavy);
    return select.light({ ...values, limit });
  }

  private prepare(
    where: string,
    sort: readonly SortTerm[],
    parameters: string[],
    heavy: boolean,
  ): Select<Entity, string> {
    const order = sort.map(({ field, descending }) => {
      return [this.key(field).sql, descending ? 'DESC' : 'ASC'] as const;
    });
    const name = [where, ...order.flat()].join(' ');
    const known = this.prepared.get(name);
    if (known) return known;
    const select = this.database.select<Entity, string>({
      parameters,
      limit: 'limit',
      heavy,
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

  /** With the field's column in the place of its name. */
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

function scopeConditions(scope: Record<string, Value>): Condition[] {
  return Object.entries(scope).map(([property, value]) => ({
    sql: `${ALIAS}.${property} = :scope_${property}`,
    values: { [`scope_${property}`]: value },
  }));
}
