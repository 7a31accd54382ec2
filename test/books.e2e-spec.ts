import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Book } from '../src/books/book.js';
import { TokenService } from '../src/tokens/token.service.js';
import type { LoggedIn } from './support/client.js';
import { bootApp, type TestApp } from './support/test-app.js';

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

  const send = (who: LoggedIn, method: string, id: number | string | null, json?: unknown) =>
    app.send(method, `/api/books${id === null ? '' : `/${id}`}`, {
      token: who.access,
      ...(json !== undefined && { json }),
    });
  const post = (who: LoggedIn, json: unknown = book) => send(who, 'POST', null, json);
  const added = async (who: LoggedIn, json: unknown = book): Promise<number> =>
    (await post(who, json)).body.id as number;
  const list = async (who: LoggedIn) =>
    (await app.get<{ name: string }[]>('/api/books', { token: who.access })).body;

  it('are added, with 201, an absolute Location and no-store', async () => {
    const { status, body, headers } = await post(leia);
    expect([status, body]).toEqual([201, { id: body.id, ...book }]);
    expect(headers.get('location')).toBe(`${app.url}/api/books/${String(body.id)}`);
    expect(headers.get('cache-control')).toBe('no-store');
    expect((await send(leia, 'GET', String(body.id))).body).toEqual(body);
  });

  it('are listed in order of id, and page by page', async () => {
    for (const name of ['c', 'a', 'b']) await added(leia, { ...book, name });
    expect((await list(leia)).map(({ name }) => name)).toEqual(['c', 'a', 'b']);
    const names: string[] = [];
    for (let url: string | undefined = `${app.url}/api/books?limit=2`; url !== undefined;) {
      const headers = { authorization: `Bearer ${leia.access}` };
      const answer = await fetch(url, { headers });
      names.push(...((await answer.json()) as { name: string }[]).map(({ name }) => name));
      url = /<(.+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];
    }
    expect(names).toEqual(['c', 'a', 'b']);
  });

  it('are replaced, also by what they are already', async () => {
    const id = await added(leia);
    const other = { ...book, name: 'Dark Force Rising', price: null };
    for (const json of [other, { id, ...other }]) {
      const { status, body } = await send(leia, 'PUT', id, json);
      expect([status, body]).toEqual([200, { id, ...other }]);
    }
    expect((await send(leia, 'GET', id)).body).toEqual({ id, ...other });
    const { status, body } = await send(leia, 'PUT', id, { ...book, id: id + 1 });
    expect([status, body.code]).toEqual([400, 'id_mismatch']);
  });

  it('are deleted', async () => {
    const id = await added(leia);
    const { status, text } = await send(leia, 'DELETE', id);
    expect([status, text]).toEqual([204, '']);
    expect((await send(leia, 'DELETE', id)).status).toBe(404);
    expect(await list(leia)).toEqual([]);
  });

  it('of another cannot be told from those that are not there', async () => {
    const id = await added(leia);
    for (const target of [id, 2 ** 31 - 1, 2 ** 40, 'x']) {
      for (const [method, json] of [['GET'], ['PUT', book], ['DELETE']] as const) {
        const { status, body } = await send(luke, method, target, json);
        expect([method, target, status, body]).toEqual([method, target, 404, missing]);
      }
    }
    expect(await list(luke)).toEqual([]);
    expect((await send(leia, 'GET', id)).body).toEqual({ id, ...book });
  });

  it('are there once for each user, name and author', async () => {
    await added(leia);
    const { status, body } = await post(leia, { ...book, publisher: 'Del Rey', price: 1 });
    expect([status, body]).toEqual([409, exists]);
    expect((await post(luke)).status).toBe(201);
    expect((await post(leia, { ...book, author: 'another' })).status).toBe(201);
    const other = await added(leia, { ...book, name: 'another' });
    expect((await send(leia, 'PUT', other, book)).body).toEqual(exists);
    expect(await list(leia)).toHaveLength(3);
  });

  it('are the same where they look the same', async () => {
    await added(leia, { ...book, author: 'Ren\u00e9' });
    expect((await post(leia, { ...book, author: 'Rene\u0301' })).body).toEqual(exists);
    const long = 'e\u0301'.repeat(255);
    const values = { ...book, name: long, author: long, publisher: long };
    const { status, body } = await post(leia, values);
    expect([status, body.name]).toEqual([201, 'é'.repeat(255)]);
    const wide = '🚀'.repeat(255);
    const id = String(body.id);
    const put = await send(leia, 'PUT', id, { ...book, name: wide, author: wide });
    expect(put.status).toBe(200);
    expect((await send(leia, 'GET', id)).body.name).toBe(wide);
  });

  it('are there once, although twenty are added at once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(leia)));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([201, ...Array.from({ length: 19 }, () => 409)]);
    expect(await list(leia)).toHaveLength(1);
  });

  it('go with their user', async () => {
    const id = await added(leia);
    const kept = await added(luke);
    expect((await app.send('DELETE', `/api/users/${leia.id}`, { token: leia.access })).status).toBe(
      204,
    );
    const left = await app.sql((manager) => manager.findBy(Book, [{ id }, { id: kept }]));
    expect(left.map((each) => each.id)).toEqual([kept]);
  });

  it('are nobody’s where the token speaks for nobody', async () => {
    const tokens = app.app.get(TokenService);
    for (const subject of ['a program', '999999', '99999999999']) {
      const { signed: token } = await tokens.createAccessToken(subject);
      const { status, body } = await app.send('POST', '/api/books', { token, json: book });
      expect([status, body.code]).toEqual([401, 'token_revoked']);
    }
  });

  it('may have no price, and keep every kind of text', async () => {
    const { price: _, ...free } = book;
    expect((await post(leia, free)).body.price).toBeNull();
    const odd = { name: "'; --", author: '日本語 🚀', publisher: ' "x" \\ \n', price: 2 ** 53 - 1 };
    const id = await added(leia, odd);
    expect((await send(leia, 'GET', id)).body).toEqual({ id, ...odd });
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
  ])('are refused field by field: %j', async (json, message) => {
    const { status, body } = await post(leia, json);
    expect([status, body]).toEqual([
      400,
      { statusCode: 400, code: 'validation_failed', error: 'Bad Request', message },
    ]);
    expect(await list(leia)).toEqual([]);
  });

  it('are checked before it is seen whether they are there', async () => {
    expect((await send(leia, 'PUT', 999_999, {})).status).toBe(400);
    expect((await send(leia, 'PUT', 999_999, book)).status).toBe(404);
  });
});
