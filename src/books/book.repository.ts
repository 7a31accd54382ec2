import { Injectable } from '@nestjs/common';
import { ApiError } from '../errors/api-error.js';
import { Database } from '../database/database.js';
import type { Precondition } from '../database/versions/precondition.js';
import type { Select } from '../database/select.js';
import { OwnedRows, type OwnedValues, selectOwner } from '../users/owned-rows.js';
import type { User } from '../users/user.entity.js';
import { UserRemovalsService } from '../users/user-removals.service.js';
import { bookExists, limitReached, MAX_BOOKS } from './book-errors.js';
import { bookFields } from './book-fields.js';
import { Book } from './book.entity.js';

/** The values of a book that a client sends. */
export type BookValues = OwnedValues<Book>;

/**
 * Number of books below the limit from which one user's new books are added one by one. It is far
 * more than the writes that all instances can run at the same time, because each instance has ten
 * connections.
 */
const MARGIN = 1000;

/** Reads and writes books. A user has at most `MAX_BOOKS`, and each name and author only once. */
@Injectable()
export class BookRepository {
  readonly rows: OwnedRows<Book>;
  private readonly lockedOwner: Select<User, 'ownerId'>;
  private readonly nearLimit: Select<Book, 'ownerId'>;
  private readonly atLimit: Select<Book, 'ownerId'>;

  constructor(
    private readonly database: Database,
    removals: UserRemovalsService,
  ) {
    this.rows = new OwnedRows(database, removals, Book, bookFields);
    this.lockedOwner = selectOwner(database, 'exclusive');
    // Reads at most `count` entries of one index.
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

  /**
   * Inserts a book. Near the limit it locks the row of the owner before it counts, so that concurrent
   * requests, at any instance, cannot exceed the limit together.
   *
   * @throws ApiError `book_exists`, `limit_reached`
   * @throws TokenError `token_revoked` if the owner does not exist
   */
  insert(ownerId: number, values: BookValues): Promise<Book> {
    return this.database.writeUnique(bookExists, () =>
      this.rows.insert(ownerId, values, () => this.refuseBeyondLimit(ownerId)),
    );
  }

  /** @throws ApiError `book_exists`, `not_found`, `precondition_required`, `precondition_failed` */
  replace(
    ownerId: number,
    id: number,
    values: BookValues,
    precondition: Precondition,
  ): Promise<Book> {
    return this.database.writeUnique(bookExists, () =>
      this.rows.replace(ownerId, id, values, precondition),
    );
  }

  /** @throws ApiError `book_exists`, `not_found`, `precondition_required`, `precondition_failed` */
  patch(
    ownerId: number,
    id: number,
    values: Partial<BookValues>,
    precondition: Precondition,
  ): Promise<Book> {
    return this.database.writeUnique(bookExists, () =>
      this.rows.patch(ownerId, id, values, precondition),
    );
  }

  private async refuseBeyondLimit(ownerId: number): Promise<void> {
    if (!(await this.nearLimit.first({ ownerId }))) return;
    await this.lockedOwner.first({ ownerId });
    if (await this.atLimit.first({ ownerId })) throw new ApiError(limitReached);
  }
}
