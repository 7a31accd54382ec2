import { Injectable } from '@nestjs/common';
import { THIS_ID } from '../common/resource-id.js';
import { Database } from '../database/database.js';
import type { Select } from '../database/select.js';
import type { ListQuery } from '../lists/list-query.js';
import { ListReader, type Page } from '../lists/list-reader.js';
import { bookExists } from './book-errors.js';
import { bookFields } from './book-fields.js';
import { Book } from './book.js';

/** What a client says of a book. */
export type BookValues = Pick<Book, 'name' | 'author' | 'publisher' | 'price'>;

/** The books of one user: whose they are is part of every query. */
@Injectable()
export class BookRepository {
  private readonly lists: ListReader<Book>;
  private readonly byId: Select<Book, 'ownerId' | 'id'>;

  constructor(private readonly database: Database) {
    this.lists = new ListReader(database, Book, bookFields);
    this.byId = database.select({
      parameters: ['ownerId', 'id'],
      query: (manager) =>
        manager
          .createQueryBuilder(Book, 'book')
          .where(`book.ownerId = :ownerId AND book.${THIS_ID}`),
    });
  }

  list(ownerId: number, query: ListQuery): Promise<Page<Book>> {
    return this.lists.page(query, { ownerId });
  }

  findById(ownerId: number, id: number): Promise<Book | undefined> {
    return this.byId.first({ ownerId, id });
  }

  /**
   * @returns null where there is no such owner
   * @throws ApiError `book_exists`
   */
  async add(ownerId: number, values: BookValues): Promise<Book | null> {
    try {
      return await this.database.writeUnique(bookExists, async (manager) => {
        const book = { ...values, ownerId };
        const { identifiers } = await manager.insert(Book, { ...book });
        return { ...book, id: identifiers[0]?.id as number };
      });
    } catch (error) {
      if (this.database.isForeignKeyViolation(error)) return null;
      throw error;
    }
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
        .where(`user_id = :ownerId AND ${THIS_ID}`, { ownerId, id })
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
        .where(`user_id = :ownerId AND ${THIS_ID}`, { ownerId, id })
        .execute();
      return affected !== 0;
    });
  }
}
