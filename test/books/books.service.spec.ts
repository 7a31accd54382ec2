import { describe, expect, it, jest } from '@jest/globals';
import { NO_PRECONDITION } from '../../src/database/versions/precondition.js';
import { ApiError, notFound } from '../../src/errors/api-error.js';
import type { ListQuery } from '../../src/lists/list-query.js';
import type { BookRepository } from '../../src/books/book.repository.js';
import { BooksService } from '../../src/books/books.service.js';

const values = { name: 'Heir', author: 'Zahn', publisher: 'Bantam', price: null };
const book = { ...values, id: 5, ownerId: 7, version: 3 };

describe('BooksService', () => {
  const page = { rows: [book], next: null };
  const owned = async (ownerId: number, id: number) => {
    if (ownerId === 7 && id === 5) return book;
    throw new ApiError(notFound);
  };
  const rows: Partial<BookRepository['rows']> = {
    list: jest.fn<BookRepository['rows']['list']>().mockResolvedValue(page),
    get: owned,
    delete: jest.fn<BookRepository['rows']['delete']>(async (ownerId, id) => {
      await owned(ownerId, id);
    }),
  };
  const repository: Partial<BookRepository> = {
    rows: rows as BookRepository['rows'],
    insert: jest.fn<BookRepository['insert']>().mockResolvedValue(book),
    replace: jest.fn<BookRepository['replace']>(owned),
    patch: jest.fn<BookRepository['patch']>(owned),
  };
  const service = new BooksService(repository as BookRepository);
  const missing = { code: 'not_found' };

  it('lists the books of an owner', async () => {
    const query = {} as ListQuery;
    expect(await service.list(7, query)).toBe(page);
    expect(rows.list).toHaveBeenCalledWith(7, query);
  });

  it('returns a book of its owner, and throws 404 for any other', async () => {
    expect(await service.get(7, 5)).toBe(book);
    await expect(service.get(8, 5)).rejects.toMatchObject(missing);
  });

  it('creates a book of its owner', async () => {
    expect(await service.create(7, values)).toBe(book);
    expect(repository.insert).toHaveBeenCalledWith(7, values);
  });

  it('replaces a book of its owner, and throws 404 for any other', async () => {
    expect(await service.replace(7, 5, values, NO_PRECONDITION)).toEqual(book);
    expect(repository.replace).toHaveBeenCalledWith(7, 5, values, NO_PRECONDITION);
    const refused = service.replace(8, 5, values, NO_PRECONDITION);
    await expect(refused).rejects.toMatchObject(missing);
  });

  it('changes some values of a book of its owner, and throws 404 for any other', async () => {
    const changes = { price: 15 };
    expect(await service.patch(7, 5, changes, NO_PRECONDITION)).toEqual(book);
    expect(repository.patch).toHaveBeenCalledWith(7, 5, changes, NO_PRECONDITION);
    const refused = service.patch(8, 5, changes, NO_PRECONDITION);
    await expect(refused).rejects.toMatchObject(missing);
  });

  it('removes a book of its owner, and throws 404 for any other', async () => {
    await expect(service.remove(7, 5, NO_PRECONDITION)).resolves.toBeUndefined();
    expect(rows.delete).toHaveBeenCalledWith(7, 5, NO_PRECONDITION);
    await expect(service.remove(8, 5, NO_PRECONDITION)).rejects.toMatchObject(missing);
  });
});
