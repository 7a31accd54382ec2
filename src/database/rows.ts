import type { ObjectLiteral, WhereExpressionBuilder } from 'typeorm';
import type { QueryDeepPartialEntity } from 'typeorm/query-builder/QueryPartialEntity.js';
import type { Database } from './database.js';
import type { Select, Value } from './select.js';

/**
 * The SQL condition for the row with the id of a path. Ids of rows have 32 bits, but a path may
 * contain ids up to 2^53 - 1, and PostgreSQL would refuse to compare the two. With the cast it
 * finds no row.
 */
export const THIS_ID = 'id = CAST(:id AS bigint)';

interface Row extends ObjectLiteral {
  id: number;
}

/** The values of a row that a client sends. The database generates the id. */
export type Values<Entity extends Row> = Omit<Entity, 'id'>;

interface RowOptions<Scope extends string> {
  /** Properties that each access gives a value for. It finds only rows with these values. */
  scope?: readonly Scope[];
  /** An SQL condition for each row. The values of the scope are its parameters, such as `:ownerId`. */
  condition?: string;
}

/** The values of the scope. They are not passed if there is no scope. */
type ScopeValues<Scope extends string> = [Scope] extends [never] ? [] : [Record<Scope, Value>];

/** Finds, inserts, updates and deletes single rows of an entity. Each method is one statement. */
export class Rows<Entity extends Row, Scope extends string = never> {
  private readonly byId: Select<Entity, 'id' | Scope>;

  constructor(
    private readonly database: Database,
    private readonly entity: new () => Entity,
    private readonly options: RowOptions<Scope> = {},
  ) {
    const { scope = [], condition } = options;
    this.byId = database.select({
      parameters: ['id', ...scope],
      query: (manager) => {
        const query = manager.createQueryBuilder(entity, 'row').where(`row.${THIS_ID}`);
        for (const name of scope) query.andWhere(`row.${name} = :${name}`);
        return condition === undefined ? query : query.andWhere(condition);
      },
    });
  }

  find(id: number, ...scope: ScopeValues<Scope>): Promise<Entity | undefined> {
    return this.byId.first({ ...scope[0], id } as Record<'id' | Scope, Value>);
  }

  async insert(values: Values<Entity>): Promise<Entity> {
    return this.database.write(async (manager) => {
      const row = { ...values } as unknown as QueryDeepPartialEntity<Entity>;
      const { identifiers } = await manager.insert(this.entity, row);
      return { ...values, id: identifiers[0]?.id as number } as unknown as Entity;
    });
  }

  /** @returns whether the row exists */
  async update(
    id: number,
    values: QueryDeepPartialEntity<Entity>,
    ...scope: ScopeValues<Scope>
  ): Promise<boolean> {
    return this.database.write(async (manager) => {
      const update = manager.createQueryBuilder().update(this.entity).set(values);
      const { affected } = await this.only(update, id, scope[0]).execute();
      return affected !== 0;
    });
  }

  /** @returns whether the row existed */
  async delete(id: number, ...scope: ScopeValues<Scope>): Promise<boolean> {
    return this.database.write(async (manager) => {
      const deletion = manager.createQueryBuilder().delete().from(this.entity);
      const { affected } = await this.only(deletion, id, scope[0]).execute();
      return affected !== 0;
    });
  }

  private only<Query extends WhereExpressionBuilder>(
    query: Query,
    id: number,
    scope: Record<string, Value> = {},
  ): Query {
    query.where(THIS_ID, { id }).andWhere(scope);
    const { condition } = this.options;
    return condition === undefined ? query : query.andWhere(condition, scope);
  }
}
