import type { EntityManager, ObjectLiteral } from 'typeorm';
import {
  ApiError,
  notFound,
  preconditionFailed,
  preconditionRequired,
} from '../errors/api-error.js';
import type { Database } from './database.js';
import type { Select, Value } from './select.js';
import { deleteRows, updateRows } from './statements/change-rows.js';
import { insertNumberedRow } from './statements/insert-row.js';
import {
  lacksVersion,
  onlyIfMet,
  type Precondition,
  refuseUnmet,
} from './versions/precondition.js';
import { newVersion } from './versions/row-version.js';

/**
 * The SQL condition for the row with the id of a path. Ids of rows have 32 bits, but a path may
 * contain ids up to 2^53 - 1, and PostgreSQL would refuse to compare the two. With the cast it
 * finds no row.
 */
export const THIS_ID = 'id = CAST(:id AS bigint)';

interface Row extends ObjectLiteral {
  id: number;
  /** See `@RowVersion()`. */
  version: number;
}

/** The values of a row that a client sends. The id and the version are generated. */
export type Values<Entity extends Row> = Omit<Entity, 'id' | 'version'>;

interface RowOptions<Scope extends string> {
  /** Properties that each access gives a value for. It finds only rows with these values. */
  scope?: readonly Scope[];
  /** An SQL condition for each row. The values of the scope are its parameters, such as `:ownerId`. */
  condition?: string;
}

/** The values of the scope. They are not passed if there is no scope. */
type ScopeValues<Scope extends string> = [Scope] extends [never] ? [] : [Record<Scope, Value>];

/** Finds, inserts, changes and deletes single rows of an entity that has a `@RowVersion()`. */
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

  /** @throws ApiError `not_found` */
  async get(id: number, ...scope: ScopeValues<Scope>): Promise<Entity> {
    const row = await this.find(id, ...scope);
    if (!row) throw new ApiError(notFound);
    return row;
  }

  async insert(values: Values<Entity>): Promise<Entity> {
    return this.database.write(async (manager) => {
      const row = { ...values, version: newVersion() };
      const id = await insertNumberedRow<Row>(manager, this.entity, row);
      return { ...row, id } as unknown as Entity;
    });
  }

  /**
   * Replaces all values of a row, in one statement.
   *
   * @throws ApiError `not_found`, `precondition_required`, `precondition_failed`
   */
  async replace(
    id: number,
    values: Values<Entity>,
    precondition: Precondition,
    ...scope: ScopeValues<Scope>
  ): Promise<Entity> {
    const row = { ...values, version: newVersion() };
    await this.change(id, row as unknown as Partial<Entity>, precondition, scope);
    return { ...row, ...scope[0], id } as unknown as Entity;
  }

  /**
   * Changes some values of a row, in one statement, and reads the row in the same transaction. Without
   * values the row keeps its version.
   *
   * @throws ApiError `not_found`, `precondition_required`, `precondition_failed`
   */
  async patch(
    id: number,
    values: Partial<Values<Entity>>,
    precondition: Precondition,
    ...scope: ScopeValues<Scope>
  ): Promise<Entity> {
    if (Object.keys(values).length === 0) {
      const row = await this.get(id, ...scope);
      refuseUnmet(precondition, row.version);
      return row;
    }
    return this.database.write(async () => {
      const changes = { ...values, version: newVersion() };
      await this.change(id, changes as Partial<Entity>, precondition, scope);
      return this.get(id, ...scope);
    });
  }

  /** @throws ApiError `not_found`, `precondition_required`, `precondition_failed` */
  delete(id: number, precondition: Precondition, ...scope: ScopeValues<Scope>): Promise<void> {
    return this.change(id, null, precondition, scope);
  }

  /** @param values of an UPDATE; null for a DELETE */
  private async change(
    id: number,
    values: Partial<Entity> | null,
    precondition: Precondition,
    scope: ScopeValues<Scope>,
  ): Promise<void> {
    if (lacksVersion(precondition)) {
      await this.get(id, ...scope);
      throw new ApiError(preconditionRequired);
    }
    await this.database.write(async (manager) => {
      const sql = [THIS_ID, ...this.restrictions(manager)].join(' AND ');
      const where = onlyIfMet({ sql, values: { ...scope[0], id } }, precondition);
      const changed = await (values
        ? updateRows(manager, this.entity, values, where)
        : deleteRows(manager, this.entity, where));
      if (changed > 0) return;
      await this.get(id, ...scope);
      throw new ApiError(preconditionFailed);
    });
  }

  /** The conditions of the scope, and that of the options. */
  private restrictions({ dataSource }: EntityManager): string[] {
    const { scope = [], condition } = this.options;
    const metadata = dataSource.getMetadata(this.entity);
    const ofScope = scope.map((name) => {
      const { databaseName } = metadata.findColumnWithPropertyName(name)!;
      return `${dataSource.driver.escape(databaseName)} = :${name}`;
    });
    return condition === undefined ? ofScope : [...ofScope, condition];
  }
}
