import { describe, expect, it, jest } from '@jest/globals';
import type { ListQuery } from '../../src/lists/list-query.js';
import type { BookRepository } from '../../src/books/book.repository.js';
import { BooksService } from '../../src/books/books.service.js';

const values = { name: 'Heir', author: 'Zahn', publisher: 'Bantam', price: null };
const book = { ...values, id: 5, ownerId: 7 };

describe('BooksService', () => {
  const page = { rows: [book], next: null };
  const owns = (ownerId: number, id: number) => ownerId === 7 && id === 5;
  const rows: Partial<BookRepository['rows']> = {
    list: jest.fn<BookRepository['rows']['list']>().mockResolvedValue(page),
    find: async (ownerId, id) => (owns(ownerId, id) ? book : undefined),
    delete: async (ownerId, id) => owns(ownerId, id),
  };
  const repository: Partial<BookRepository> = {
    rows: rows as BookRepository['rows'],
    insert: jest.fn<BookRepository['insert']>().mockResolvedValue(book),
    update: async (ownerId, id) => owns(ownerId, id),
  };
  const service = new BooksService(repository as BookRepository);
  const notFound = { code: 'not_found' };

  it('lists the books of an owner', async () => {
    const query = {} as ListQuery;
    expect(await service.list(7, query)).toBe(page);
    expect(rows.list).toHaveBeenCalledWith(7, query);
  });

  it('returns a book of its owner, and throws 404 for any other', async () => {
    expect(await service.get(7, 5)).toBe(book);
    await expect(service.get(8, 5)).rejects.toMatchObject(notFound);
  });

  it('creates a book of its owner', async () => {
    expect(await service.create(7, values)).toBe(book);
    expect(repository.insert).toHaveBeenCalledWith(7, values);
  });

  it('replaces a book of its owner, and throws 404 for any other', async () => {
    expect(await service.replace(7, 5, values)).toEqual(book);
    await expect(service.replace(8, 5, values)).rejects.toMatchObject(notFound);
  });

  it('removes a book of its owner, and throws 404 for any other', async () => {
    await expect(service.remove(7, 5)).resolves.toBeUndefined();
    await expect(service.remove(8, 5)).rejects.toMatchObject(notFound);
  });
});
