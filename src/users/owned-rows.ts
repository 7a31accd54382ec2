import type { Database } from '../database/database.js';
import type { Precondition } from '../database/versions/precondition.js';
import { deleteBatch } from '../database/remove-in-batches.js';
import { Rows, type Values } from '../database/rows.js';
import type { Select } from '../database/select.js';
import { WRITE_BATCH } from '../database/write-batches.service.js';
import type { ListFields } from '../lists/list-field.js';
import type { ListQuery } from '../lists/list-query.js';
import { ListReader } from '../lists/list-reader.js';
import type { Page } from '../lists/page.js';
import { TokenError, tokenRevoked } from '../tokens/token-errors.js';
import type { UserRemovalsService } from './user-removals.service.js';
import { User } from './user.entity.js';

interface OwnedRow {
  id: number;
  version: number;
  /** The id of the user. Without a foreign key, which would remove all rows of a user in one write. */
  ownerId: number;
}

/** The values of a row that a client sends. */
export type OwnedValues<Entity extends OwnedRow> = Omit<Entity, 'id' | 'version' | 'ownerId'>;

/** The rows of a deleted user may exist for some seconds; see `UserRemovalsService`. */
const ownerExists = (parameter: string): string =>
  `EXISTS (SELECT 1 FROM users WHERE users.id = :${parameter})`;

/** Prepares the read of an owner's row, which a write locks. */
export function selectOwner(
  database: Database,
  lock: 'share' | 'exclusive',
): Select<User, 'ownerId'> {
  return database.select<User, 'ownerId'>({
    parameters: ['ownerId'],
    lock,
    query: (manager) =>
      manager.createQueryBuilder(User, 'user').select('user.id').where('user.id = :ownerId'),
  });
}

/**
 * Lists, finds, inserts, changes and deletes rows that belong to users. Every access names the owner,
 * and finds no row of another user. The rows are removed with their owner.
 */
export class OwnedRows<Entity extends OwnedRow> {
  private readonly rows: Rows<Entity, 'ownerId'>;
  private readonly lists: ListReader<Entity>;
  private readonly owner: Select<User, 'ownerId'>;

  constructor(
    private readonly database: Database,
    removals: UserRemovalsService,
    private readonly entity: new () => Entity,
    fields: ListFields,
  ) {
    removals.register((ownerId) => this.deleteBatch(ownerId));
    this.rows = new Rows(database, entity, {
      scope: ['ownerId'],
      condition: ownerExists('ownerId'),
    });
    this.lists = new ListReader(database, entity, fields, {
      condition: ownerExists('scope_ownerId'),
    });
    this.owner = selectOwner(database, 'share');
  }

  list(ownerId: number, query: ListQuery): Promise<Page<Entity>> {
    return this.lists.page(query, { ownerId });
  }

  /** @throws ApiError `not_found` if the owner has no such row */
  get(ownerId: number, id: number): Promise<Entity> {
    return this.rows.get(id, { ownerId });
  }

  /**
   * Inserts a row. The owner cannot be deleted until the write ends.
   *
   * @param beforeInsert runs within the write, while the row of the owner is locked
   * @throws TokenError `token_revoked` if the owner does not exist
   */
  insert(
    ownerId: number,
    values: OwnedValues<Entity>,
    beforeInsert?: () => Promise<void>,
  ): Promise<Entity> {
    return this.database.write(async () => {
      if (!(await this.owner.first({ ownerId }))) {
        throw new TokenError(tokenRevoked, 'there is no such user');
      }
      await beforeInsert?.();
      return this.rows.insert({ ...values, ownerId } as unknown as Values<Entity>);
    });
  }

  /** @throws ApiError `not_found`, `precondition_required`, `precondition_failed` */
  replace(
    ownerId: number,
    id: number,
    values: OwnedValues<Entity>,
    precondition: Precondition,
  ): Promise<Entity> {
    return this.rows.replace(id, values as unknown as Values<Entity>, precondition, { ownerId });
  }

  /** @throws ApiError `not_found`, `precondition_required`, `precondition_failed` */
  patch(
    ownerId: number,
    id: number,
    values: Partial<OwnedValues<Entity>>,
    precondition: Precondition,
  ): Promise<Entity> {
    const changes = values as unknown as Partial<Values<Entity>>;
    return this.rows.patch(id, changes, precondition, { ownerId });
  }

  /** @throws ApiError `not_found`, `precondition_required`, `precondition_failed` */
  delete(ownerId: number, id: number, precondition: Precondition): Promise<void> {
    return this.rows.delete(id, precondition, { ownerId });
  }

  /**
   * Deletes up to `WRITE_BATCH` rows of a user who is deleted.
   *
   * @returns whether there may be more
   */
  private async deleteBatch(ownerId: number): Promise<boolean> {
    const deleted = await deleteBatch<OwnedRow>(this.database, this.entity, {
      ...{ key: 'id', condition: 'row.ownerId = :ownerId', values: { ownerId } },
      limit: WRITE_BATCH,
    });
    return deleted === WRITE_BATCH;
  }
}
