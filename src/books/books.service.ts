import { Injectable } from '@nestjs/common';
import type { Precondition } from '../database/versions/precondition.js';
import type { ListQuery } from '../lists/list-query.js';
import type { Page } from '../lists/page.js';
import { BookRepository, type BookValues } from './book.repository.js';
import type { Book } from './book.entity.js';

/** The books of their owner. A book of another user is answered like one that does not exist. */
@Injectable()
export class BooksService {
  constructor(private readonly books: BookRepository) {}

  list(ownerId: number, query: ListQuery): Promise<Page<Book>> {
    return this.books.rows.list(ownerId, query);
  }

  /** @throws ApiError `not_found` */
  get(ownerId: number, id: number): Promise<Book> {
    return this.books.rows.get(ownerId, id);
  }

  /**
   * @throws ApiError `book_exists`, `limit_reached`
   * @throws TokenError `token_revoked` if the owner does not exist
   */
  create(ownerId: number, values: BookValues): Promise<Book> {
    return this.books.insert(ownerId, values);
  }

  /** @throws ApiError `book_exists`, `not_found`, `precondition_required`, `precondition_failed` */
  replace(
    ownerId: number,
    id: number,
    values: BookValues,
    precondition: Precondition,
  ): Promise<Book> {
    return this.books.replace(ownerId, id, values, precondition);
  }

  /** @throws ApiError `book_exists`, `not_found`, `precondition_required`, `precondition_failed` */
  patch(
    ownerId: number,
    id: number,
    values: Partial<BookValues>,
    precondition: Precondition,
  ): Promise<Book> {
    return this.books.patch(ownerId, id, values, precondition);
  }

  /** @throws ApiError `not_found`, `precondition_required`, `precondition_failed` */
  remove(ownerId: number, id: number, precondition: Precondition): Promise<void> {
    return this.books.rows.delete(ownerId, id, precondition);
  }
}
