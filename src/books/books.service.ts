import { Injectable } from '@nestjs/common';
import { ApiError, notFound } from '../errors/api-error.js';
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
  async get(ownerId: number, id: number): Promise<Book> {
    const book = await this.books.rows.find(ownerId, id);
    if (!book) throw new ApiError(notFound);
    return book;
  }

  /**
   * @throws ApiError `book_exists`, `limit_reached`
   * @throws TokenError `token_revoked` if the owner does not exist
   */
  create(ownerId: number, values: BookValues): Promise<Book> {
    return this.books.insert(ownerId, values);
  }

  /** @throws ApiError `book_exists`, `not_found` */
  async replace(ownerId: number, id: number, values: BookValues): Promise<Book> {
    if (!(await this.books.update(ownerId, id, values))) throw new ApiError(notFound);
    return { ...values, ownerId, id };
  }

  /** @throws ApiError `not_found` */
  async remove(ownerId: number, id: number): Promise<void> {
    if (!(await this.books.rows.delete(ownerId, id))) throw new ApiError(notFound);
  }
}
