import type { ExecutionContext } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/internal';
import { describe, expect, it, jest } from '@jest/globals';
import type { ListQuery } from '../../src/lists/list-query.js';
import { type Claims, Token } from '../../src/tokens/token.js';
import type { BookRepository } from '../../src/books/book.repository.js';
import { BooksService } from '../../src/books/books.service.js';
import { OwnerId, ownerOf } from '../../src/books/owner-id.decorator.js';

const values = { name: 'Heir', author: 'Zahn', publisher: 'Bantam', price: null };
const book = { ...values, id: 5, ownerId: 7 };

describe('BooksService', () => {
  const page = { rows: [book], next: null };
  const owns = (ownerId: number, id: number) => ownerId === 7 && id === 5;
  const repository: Partial<BookRepository> = {
    list: jest.fn<BookRepository['list']>().mockResolvedValue(page),
    findById: async (ownerId, id) => (owns(ownerId, id) ? book : undefined),
    add: async (ownerId) => (ownerId === 7 ? book : null),
    update: async (ownerId, id) => owns(ownerId, id),
    remove: async (ownerId, id) => owns(ownerId, id),
  };
  const service = new BooksService(repository as BookRepository);
  const notFound = { code: 'not_found' };

  it('lists the books of an owner', async () => {
    const query = {} as ListQuery;
    expect(await service.list(7, query)).toBe(page);
    expect(repository.list).toHaveBeenCalledWith(7, query);
  });

  it('returns a book of its owner, and throws 404 for any other', async () => {
    expect(await service.get(7, 5)).toBe(book);
    await expect(service.get(8, 5)).rejects.toMatchObject(notFound);
  });

  it('creates a book, and refuses the token as revoked if the owner does not exist any more', async () => {
    expect(await service.create(7, values)).toBe(book);
    await expect(service.create(8, values)).rejects.toMatchObject({ code: 'token_revoked' });
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

describe('OwnerId and ownerOf', () => {
  it('passes the owner to a handler as a parameter', () => {
    class Routes {
      list(@OwnerId() _ownerId: number) {}
    }
    const [argument] = Object.values(
      Reflect.getMetadata(ROUTE_ARGS_METADATA, Routes, 'list') as Record<
        string,
        { factory: (data: unknown, context: ExecutionContext) => unknown }
      >,
    );
    const token = new Token('', { alg: 'HS256' }, { sub: '7' } as Claims);
    const context = { switchToHttp: () => ({ getRequest: () => ({ token }) }) };
    expect(argument!.factory(undefined, context as unknown as ExecutionContext)).toBe(7);
  });

  const ownerOfSubject = (sub: string) => () =>
    ownerOf(new Token('', { alg: 'HS256' }, { sub } as Claims));

  it('returns the user of the token', () => {
    expect(ownerOfSubject('7')()).toBe(7);
  });

  it.each(['service', '', '07', '2147483648'])(
    'refuses the token as revoked if its subject is %j',
    (subject) => {
      const revoked = expect.objectContaining({ code: 'token_revoked' });
      expect(ownerOfSubject(subject)).toThrow(revoked);
    },
  );
});
