import { Injectable } from '@nestjs/common';
import { ApiError } from '../errors/api-error.js';
import { THIS_ID } from '../http/resource-id.js';
import { Database } from '../database/database.js';
import type { Select } from '../database/select.js';
import { WRITE_BATCH } from '../database/write-batches.service.js';
import type { ListQuery } from '../lists/list-query.js';
import { ListReader } from '../lists/list-reader.js';
import type { Page } from '../lists/page.js';
import { User } from '../users/user.entity.js';
import { UserRemovalsService } from '../users/user-removals.service.js';
import { bookExists, limitReached, MAX_BOOKS } from './book-errors.js';
import { bookFields } from './book-fields.js';
import { Book } from './book.entity.js';

/** The values of a book that a client sets. */
export type BookValues = Pick<Book, 'name' | 'author' | 'publisher' | 'price'>;

/**
 * Number of books below the limit from which one user's new books are added one by one. It is far
 * more than the writes that all instances can run at the same time, because each instance has ten
 * connections.
 */
const MARGIN = 1000;

/** Books may remain for some seconds after their owner is removed; see `UserRemovalsService`. */
const ownerExists = (parameter: string): string =>
  `EXISTS (SELECT 1 FROM users WHERE users.id = :${parameter})`;

/** Reads and writes books. Every query is limited to the books of one owner. */
@Injectable()
export class BookRepository {
  private readonly lists: ListReader<Book>;
  private readonly byId: Select<Book, 'ownerId' | 'id'>;
  private readonly ownerShared: Select<User, 'ownerId'>;
  private readonly ownerLocked: Select<User, 'ownerId'>;
  private readonly nearLimit: Select<Book, 'ownerId'>;
  private readonly atLimit: Select<Book, 'ownerId'>;

  constructor(
    private readonly database: Database,
    removals: UserRemovalsService,
  ) {
    removals.register((ownerId) => this.removeBatch(ownerId));
    const condition = ownerExists('scope_ownerId');
    this.lists = new ListReader(database, Book, bookFields, { condition });
    this.byId = database.select({
      parameters: ['ownerId', 'id'],
      query: (manager) =>
        manager
          .createQueryBuilder(Book, 'book')
          .where(`book.ownerId = :ownerId AND book.${THIS_ID} AND ${ownerExists('ownerId')}`),
    });
    const owner = (lock: 'share' | 'exclusive') =>
      database.select<User, 'ownerId'>({
        parameters: ['ownerId'],
        lock,
        query: (manager) =>
          manager.createQueryBuilder(User, 'user').select('user.id').where('user.id = :ownerId'),
      });
    this.ownerShared = owner('share');
    this.ownerLocked = owner('exclusive');
    // Selects the owner's book number `count`. It reads at most that many entries of one index.
    const nth = (count: number) =>
      database.select<Book, 'ownerId'>({
        parameters: ['ownerId'],
        query: (manager) =>
          manager
            .createQueryBuilder(Book, 'book')
            .select('book.id')
            .where('book.ownerId = :ownerId')
            .orderBy('book.id')
            .offset(count - 1)
            .limit(1),
      });
    this.nearLimit = nth(MAX_BOOKS - MARGIN);
    this.atLimit = nth(MAX_BOOKS);
  }

  list(ownerId: number, query: ListQuery): Promise<Page<Book>> {
    return this.lists.page(query, { ownerId });
  }

  findById(ownerId: number, id: number): Promise<Book | undefined> {
    return this.byId.first({ ownerId, id });
  }

  /**
   * Adds a book. The lock on the owner's row keeps the owner from being removed before the book is
   * stored. It is shared, but near the limit it becomes exclusive before the books are counted, so
   * that concurrent requests, at any instance, cannot exceed the limit.
   *
   * @returns null if the owner does not exist
   * @throws ApiError `book_exists`, `limit_reached`
   */
  async add(ownerId: number, values: BookValues): Promise<Book | null> {
    return this.database.writeUnique(bookExists, async (manager) => {
      if (!(await this.ownerShared.first({ ownerId }))) return null;
      if (await this.nearLimit.first({ ownerId })) {
        await this.ownerLocked.first({ ownerId });
        if (await this.atLimit.first({ ownerId })) throw new ApiError(limitReached);
      }
      const book = { ...values, ownerId };
      const { identifiers } = await manager.insert(Book, { ...book });
      return { ...book, id: identifiers[0]?.id as number };
    });
  }

  /**
   * @returns whether the owner has that book
   * @throws ApiError `book_exists`
   */
  async update(ownerId: number, id: number, values: BookValues): Promise<boolean> {
    return this.database.writeUnique(bookExists, async (manager) => {
      const { affected } = await manager
        .createQueryBuilder()
        .update(Book)
        .set(values)
        .where(`user_id = :ownerId AND ${THIS_ID} AND ${ownerExists('ownerId')}`, { ownerId, id })
        .execute();
      return affected !== 0;
    });
  }

  /** @returns whether the owner had that book */
  async remove(ownerId: number, id: number): Promise<boolean> {
    return this.database.write(async (manager) => {
      const { affected } = await manager
        .createQueryBuilder()
        .delete()
        .from(Book)
        .where(`user_id = :ownerId AND ${THIS_ID} AND ${ownerExists('ownerId')}`, { ownerId, id })
        .execute();
      return affected !== 0;
    });
  }

  /**
   * Removes up to `WRITE_BATCH` books of a deleted user.
   *
   * @returns whether there may be more
   */
  private async removeBatch(ownerId: number): Promise<boolean> {
    return this.database.write(async (manager) => {
      const batch = manager
        .createQueryBuilder(Book, 'book')
        .select('book.id')
        .where('book.ownerId = :ownerId')
        .limit(WRITE_BATCH);
      const { affected } = await manager
        .createQueryBuilder()
        .delete()
        .from(Book)
        .where(`id IN (${batch.getQuery()})`, { ownerId })
        .execute();
      return affected === WRITE_BATCH;
    });
  }
}
