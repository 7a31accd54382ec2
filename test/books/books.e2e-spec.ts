import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Book } from '../../src/books/book.entity.js';
import { TokenService } from '../../src/tokens/token.service.js';
import type { LoggedIn } from '../support/client.js';
import { apiClient, type Schemas } from '../support/api-client.js';
import type { operations } from '../../packages/client/src/api-types.js';
import { ServiceProcess } from '../support/process.js';
import { bootApp, SECRET, type TestApp } from '../support/test-app.js';
import { addBooks } from './many-books.js';

type NewBook = Schemas['CreateBook'];
type Query = NonNullable<operations['booksList']['parameters']['query']>;

const book = {
  name: 'Heir to the Empire',
  author: 'Timothy Zahn',
  publisher: 'Bantam Spectra',
  price: 15,
};
const exists = {
  statusCode: 409,
  code: 'book_exists',
  error: 'Conflict',
  message: 'Book already exists.',
};
const missing = { statusCode: 404, code: 'not_found', error: 'Not Found' };

describe('Books', () => {
  let app: TestApp;
  let leia: LoggedIn;
  let luke: LoggedIn;

  beforeAll(async () => {
    app = await bootApp();
  });
  beforeEach(async () => {
    [leia, luke] = await Promise.all([app.newLogin(), app.newLogin()]);
  });
  afterAll(() => app.close());

  const api = (who: LoggedIn) => apiClient(app.url, who.access);
  const path = (id: number) => ({ params: { path: { id } } });
  const post = (who: LoggedIn, body: NewBook = book) => api(who).POST('/api/books', { body });
  const added = async (who: LoggedIn, body: NewBook = book) => (await post(who, body)).data!.id;
  const get = (who: LoggedIn, id: number) => api(who).GET('/api/books/{id}', path(id));
  const put = (who: LoggedIn, id: number, body: Schemas['ReplaceBook']) =>
    api(who).PUT('/api/books/{id}', { ...path(id), body });
  const remove = (who: LoggedIn, id: number) => api(who).DELETE('/api/books/{id}', path(id));
  const list = async (who: LoggedIn) => (await api(who).GET('/api/books')).data!;

  it('adds a book with 201, an absolute Location and no-store', async () => {
    const { response, data } = await post(leia);
    const { id } = data!;
    expect([response.status, data]).toEqual([201, { id, ...book }]);
    expect(response.headers.get('location')).toBe(`${app.url}/api/books/${id}`);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect((await get(leia, id)).data).toEqual(data);
  });

  it('lists books in order of id, page by page', async () => {
    for (const name of ['c', 'a', 'b']) await added(leia, { ...book, name });
    expect((await list(leia)).map(({ name }) => name)).toEqual(['c', 'a', 'b']);
    const names: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const query = { limit: 2, ...(cursor !== undefined && { cursor }) };
      const { response, data } = await api(leia).GET('/api/books', { params: { query } });
      names.push(...data!.map(({ name }) => name));
      const [, next] = /<(.+)>; rel="next"/.exec(response.headers.get('link') ?? '') ?? [];
      cursor = next === undefined ? null : new URL(next).searchParams.get('cursor');
    }
    expect(names).toEqual(['c', 'a', 'b']);
  });

  it('sorts and filters books', async () => {
    for (const [name, price] of [
      ['a', 2],
      ['b', null],
      ['c', 2],
      ['d', 1],
    ] as const) {
      await added(leia, { ...book, name, price });
    }
    const found = async (query: Query) => {
      const { data } = await api(leia).GET('/api/books', { params: { query } });
      return data!.map(({ name }) => name).join('');
    };
    expect(await found({ sort: '-price,name' })).toBe('acdb');
    expect(await found({ price: 2, sort: '-name' })).toBe('ca');
  });

  it('replaces a book, even with the same values', async () => {
    const id = await added(leia);
    const other = { ...book, name: 'Dark Force Rising', price: null };
    for (const body of [other, { id, ...other }]) {
      const { response, data } = await put(leia, id, body);
      expect([response.status, data]).toEqual([200, { id, ...other }]);
    }
    expect((await get(leia, id)).data).toEqual({ id, ...other });
    const { response, error } = await put(leia, id, { ...book, id: id + 1 });
    expect([response.status, error?.code]).toEqual([400, 'id_mismatch']);
  });

  it('deletes a book', async () => {
    const id = await added(leia);
    const { response, data } = await remove(leia, id);
    expect([response.status, data]).toEqual([204, undefined]);
    expect((await remove(leia, id)).response.status).toBe(404);
    expect(await list(leia)).toEqual([]);
  });

  it('answers for a book of another user as for an unknown book', async () => {
    const id = await added(leia);
    // The last id is not a number, although its type says so.
    for (const target of [id, 2 ** 31 - 1, 2 ** 40, 'x' as unknown as number]) {
      for (const { response, error } of [
        await get(luke, target),
        await put(luke, target, book),
        await remove(luke, target),
      ]) {
        expect([target, response.status, error]).toEqual([target, 404, missing]);
      }
    }
    expect(await list(luke)).toEqual([]);
    expect((await get(leia, id)).data).toEqual({ id, ...book });
  });

  it('allows each name and author once for each user', async () => {
    await added(leia);
    const { response, error } = await post(leia, { ...book, publisher: 'Del Rey', price: 1 });
    expect([response.status, error]).toEqual([409, exists]);
    expect((await post(luke)).response.status).toBe(201);
    expect((await post(leia, { ...book, author: 'another' })).response.status).toBe(201);
    const other = await added(leia, { ...book, name: 'another' });
    expect((await put(leia, other, book)).error).toEqual(exists);
    expect(await list(leia)).toHaveLength(3);
  });

  it('compares texts in Unicode NFC, and counts their length in characters', async () => {
    await added(leia, { ...book, author: 'Ren\u00e9' });
    expect((await post(leia, { ...book, author: 'Rene\u0301' })).error).toEqual(exists);
    const long = 'e\u0301'.repeat(255);
    const values = { ...book, name: long, author: long, publisher: long };
    const { response, data } = await post(leia, values);
    expect([response.status, data!.name]).toEqual([201, 'é'.repeat(255)]);
    const wide = '🚀'.repeat(255);
    const { id } = data!;
    await put(leia, id, { ...book, name: wide, author: wide });
    expect((await get(leia, id)).data?.name).toBe(wide);
  });

  it('adds one of twenty concurrent copies of a book', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(leia)));
    const statuses = answers.map(({ response }) => response.status).sort();
    expect(statuses).toEqual([201, ...Array.from({ length: 19 }, () => 409)]);
    expect(await list(leia)).toHaveLength(1);
  });

  describe('The limit of 10,000 books', () => {
    const limit = {
      statusCode: 409,
      code: 'limit_reached',
      error: 'Conflict',
      message: 'A user can have at most 10000 books.',
    };

    it('adds one of twenty concurrent books to 9,999 at two instances', async () => {
      await addBooks(app, leia.id, 9_999);
      const other = ServiceProcess.spawn({ ...app.database.settings, JWT_SECRET_KEY: SECRET });
      try {
        const { url } = await other.client();
        const answers = await Promise.all(
          Array.from({ length: 20 }, (_, i) =>
            apiClient(i % 2 ? url : app.url, leia.access).POST('/api/books', {
              body: { ...book, name: `another ${i}` },
            }),
          ),
        );
        const refused = answers.filter(({ response }) => response.status !== 201);
        expect(refused).toHaveLength(19);
        for (const { error } of refused) expect(error).toEqual(limit);
      } finally {
        await other.kill('SIGKILL');
      }
      expect(await app.sql((manager) => manager.countBy(Book, { ownerId: leia.id }))).toBe(10_000);
      expect((await post(luke)).response.status).toBe(201);

      // A replaced book does not count again, and a deleted book makes room.
      const [first] = await list(leia);
      expect((await put(leia, first!.id, book)).response.status).toBe(200);
      await remove(leia, first!.id);
      expect((await post(leia, { ...book, name: 'the last' })).response.status).toBe(201);
      expect((await post(leia, { ...book, name: 'no more' })).error).toEqual(limit);
    });
  });

  it('lists, reads, replaces and deletes books beyond the limit', async () => {
    await addBooks(app, leia.id, 10_050);
    const [first] = await list(leia);
    expect((await put(leia, first!.id, book)).response.status).toBe(200);
    expect((await get(leia, first!.id)).data).toMatchObject(book);
    expect((await remove(leia, first!.id)).response.status).toBe(204);
    expect((await post(leia)).error?.code).toBe('limit_reached');
  });

  it('deletes the books of a deleted user', async () => {
    const id = await added(leia);
    const kept = await added(luke);
    const { response } = await api(leia).DELETE('/api/users/{id}', path(leia.id));
    expect(response.status).toBe(204);
    const left = await app.sql((manager) => manager.findBy(Book, [{ id }, { id: kept }]));
    expect(left.map((each) => each.id)).toEqual([kept]);
  });

  it('refuses a book for a token whose subject is not a user', async () => {
    const tokens = app.app.get(TokenService);
    for (const subject of ['a program', '999999', '99999999999']) {
      const { signed: access } = await tokens.createAccessToken(subject);
      const { response, error } = await post({ ...leia, access });
      expect([response.status, error?.code]).toEqual([401, 'token_revoked']);
    }
  });

  it('accepts a book without a price, and keeps every kind of text', async () => {
    const { price: _, ...free } = book;
    expect((await post(leia, free)).data?.price).toBeNull();
    const odd = { name: "'; --", author: '日本語 🚀', publisher: ' "x" \\ \n', price: 2 ** 53 - 1 };
    const id = await added(leia, odd);
    expect((await get(leia, id)).data).toEqual({ id, ...odd });
  });

  it.each<[object, Record<string, string[]>]>([
    [
      {},
      {
        name: ['Missing data for required field.'],
        author: ['Missing data for required field.'],
        publisher: ['Missing data for required field.'],
      },
    ],
    [{ ...book, name: '' }, { name: ['Shorter than minimum length 1.'] }],
    [
      { ...book, name: 5, author: null },
      { name: ['Not a valid string.'], author: ['Field may not be null.'] },
    ],
    [{ ...book, publisher: 'x'.repeat(256) }, { publisher: ['Longer than maximum length 255.'] }],
    [{ ...book, price: -1 }, { price: ['Must be greater than or equal to 0.'] }],
    [{ ...book, price: '5' }, { price: ['Not a valid integer.'] }],
    [{ ...book, price: 1.5 }, { price: ['Not a valid integer.'] }],
    [{ ...book, id: 1 }, { id: ['Unknown field.'] }],
    [{ ...book, user_id: 1 }, { user_id: ['Unknown field.'] }],
  ])('refuses %j with field errors', async (bad, message) => {
    const { response, error } = await post(leia, bad as NewBook);
    expect([response.status, error]).toEqual([
      400,
      { statusCode: 400, code: 'validation_failed', error: 'Bad Request', message },
    ]);
    expect(await list(leia)).toEqual([]);
  });

  it('checks the body before it searches for the book', async () => {
    expect((await put(leia, 999_999, {} as NewBook)).response.status).toBe(400);
    expect((await put(leia, 999_999, book)).response.status).toBe(404);
  });
});
