import { TokenService } from '../../src/tokens/token.service.js';
import { buildDocument } from '../../src/openapi/document.js';
import { BOOKSTORE_TAG } from '../../src/bookstore/bookstore-messages.js';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { addBooks } from '../books/many-books.js';
import type { TestUser } from '../support/client.js';
import { bootApp, type TestApp } from '../support/test-app.js';
import { freezeTime } from '../support/time.js';

const BOOKSTORE = 'true';
const book = {
  name: 'Heir to the Empire',
  Author: 'Timothy Zahn',
  Publisher: 'Bantam Spectra',
  book_prize: 15,
};
const MISSING = { message: 'a valid token is missing' };
const INVALID = { message: 'token is invalid' };
const NO_BOOK = { message: 'book does not exist' };

const basic = (name: string, password: string) =>
  `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

/** A client that knows only the routes of the tutorial. */
class TutorialClient {
  token = '';

  constructor(private readonly app: TestApp) {}

  register(name: string, password: string) {
    return this.app.send('POST', '/register', { json: { name, password } });
  }

  async login(name: string, password: string) {
    const headers = { authorization: basic(name, password) };
    const answer = await this.app.send<{ token?: string }>('POST', '/login', { headers });
    this.token = answer.body?.token ?? '';
    return answer;
  }

  add(json: unknown = book) {
    return this.app.send('POST', '/book', { json, headers: this.headers });
  }

  async list() {
    const { body } = await this.app.get<{ list_of_books: { id: number; name: string }[] }>(
      '/books',
      { headers: this.headers },
    );
    return body.list_of_books;
  }

  remove(id: number | string) {
    return this.app.send('DELETE', `/books/${id}`, { headers: this.headers });
  }

  private get headers() {
    return { 'x-access-tokens': this.token };
  }
}

describe('The routes of the bookstore tutorial', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootApp({ BOOKSTORE });
  });
  afterEach(() => {
    jest.useRealTimers();
  });
  afterAll(() => app.close());

  const loggedIn = async (): Promise<TutorialClient & { user: TestUser }> => {
    const user = await app.newUser();
    const client = new TutorialClient(app);
    await client.login(user.name, user.password);
    return Object.assign(client, { user });
  };

  it('serves a client that knows only the tutorial', async () => {
    const client = new TutorialClient(app);
    const registered = await client.register('thrawn', 'grand admiral');
    expect([registered.status, registered.body]).toEqual([
      200,
      { message: 'registered successfully' },
    ]);
    const { status, body, headers } = await client.login('thrawn', 'grand admiral');
    expect([status, Object.keys(body)]).toEqual([200, ['token']]);
    expect(headers.get('cache-control')).toBe('no-store');
    const added = await client.add();
    expect([added.status, added.body]).toEqual([200, { message: 'new books created' }]);
    expect(
      (await client.add({ ...book, name: 'Dark Force Rising', book_prize: null })).status,
    ).toBe(200);
    const books = await client.list();
    expect(books).toEqual([
      { id: books[0]!.id, ...book },
      { id: books[1]!.id, ...book, name: 'Dark Force Rising', book_prize: null },
    ]);
    const removed = await client.remove(books[0]!.id);
    expect([removed.status, removed.body]).toEqual([200, { message: 'Book deleted' }]);
    expect((await client.list()).map(({ name }) => name)).toEqual(['Dark Force Rising']);
  });

  it('lists users with their public fields only', async () => {
    const user = await app.newUser();
    const { status, body, text } = await app.get<{ users: Record<string, unknown>[] }>('/users');
    expect(status).toBe(200);
    const [own] = body.users.filter(({ name }) => name === user.name);
    expect(own).toEqual({
      public_id: expect.stringMatching(/^[\da-f-]{36}$/),
      name: user.name,
      admin: false,
    });
    expect(text).not.toMatch(/password|argon2/);
  });

  it('limits a page of users, and links to the next page', async () => {
    await app.newUser();
    const { body, headers } = await app.get<{ users: unknown[] }>('/users?limit=1');
    expect(body.users).toHaveLength(1);
    const [, next = ''] = /<(.+)>; rel="next"/.exec(headers.get('link') ?? '') ?? [];
    expect(next).toMatch(new RegExp(`^${app.url}/users\\?limit=1&cursor=`));
    const { body: more } = await app.get<{ users: unknown[] }>(next.slice(app.url.length));
    expect(more.users).not.toEqual(body.users);
    expect((await app.get('/users?limit=1001')).status).toBe(400);
  });

  it('never shows one user the books of another', async () => {
    const [leia, luke] = await Promise.all([loggedIn(), loggedIn()]);
    await leia.add();
    const { id } = (await leia.list())[0]!;
    expect(await luke.list()).toEqual([]);
    for (const target of [id, 2 ** 31 - 1, 2 ** 40, 'x', 0]) {
      const { status, body } = await luke.remove(target);
      expect([target, status, body]).toEqual([target, 404, NO_BOOK]);
    }
    expect(await leia.list()).toHaveLength(1);
  });

  it('adds one of twenty concurrent copies of a book', async () => {
    const client = await loggedIn();
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.add()));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const { body } = answers.find(({ status }) => status === 409)!;
    expect(body).toEqual({
      statusCode: 409,
      code: 'book_exists',
      error: 'Conflict',
      message: 'Book already exists.',
    });
    expect(await client.list()).toHaveLength(1);
  });

  it('shares users, books and sessions with all other routes', async () => {
    const client = await loggedIn();
    await client.add();
    const { token } = client;
    const [own] = await client.list();
    const { body } = await app.get<unknown[]>('/api/books', { token });
    const { name, Author: author, Publisher: publisher, book_prize: price } = book;
    expect(body).toEqual([{ id: own!.id, name, author, publisher, price }]);
    const { access } = await app.login(client.user);
    client.token = access;
    expect(await client.list()).toHaveLength(1);
    await app.send('DELETE', '/auth/logout', { token: access });
    expect((await client.add()).body).toEqual(INVALID);
  });

  it('issues fresh tokens that are valid for 45 minutes and can be revoked', async () => {
    freezeTime(Date.now());
    const client = await loggedIn();
    const { token } = client;
    const { body } = await app.get<{ claims: Record<string, number> }>('/auth/token', { token });
    expect(body.claims).toMatchObject({ type: 'access', fresh: true, scope: {} });
    expect(body.claims.exp! - body.claims.iat!).toBe(45 * 60);
    expect(body.claims.sid).toMatch(/./);
    jest.setSystemTime(Date.now() + (45 * 60 - 1) * 1000);
    expect(await client.list()).toEqual([]);
    jest.setSystemTime(Date.now() + 1000);
    expect((await client.add()).body).toEqual(INVALID);
    await client.login(client.user.name, client.user.password);
    await app.send('DELETE', '/auth/logout', { token: client.token });
    const { status, body: refused } = await client.add();
    expect([status, refused]).toEqual([401, INVALID]);
  });

  it.each([
    [{ JWT_ACCESS_TOKEN_EXPIRES: '10m' }, 600],
    [{ JWT_AUTHMAXAGE: '90' }, 90],
    [{ JWT_ACCESS_TOKEN_EXPIRES: '2h' }, 45 * 60],
    [{ JWT_ACCESS_TOKEN_EXPIRES: '15m' }, 900],
  ])('issues tokens that are valid for no longer than %j allows', async (env, seconds) => {
    const other = await bootApp({ BOOKSTORE, ...env });
    const { name, password } = await other.newUser();
    const authorization = `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
    const { body } = await other.send('POST', '/login', { headers: { authorization } });
    const { claims } = other.app.get(TokenService).decode(String(body.token));
    expect(Number(claims.exp) - Number(claims.iat)).toBe(seconds);
    await other.close();
  });

  it('issues a token with the public_id of its user, the issuer and the audience', async () => {
    const other = await bootApp({ BOOKSTORE, JWT_ISSUER: 'us', JWT_AUDIENCE: 'here' });
    const { name, password } = await other.newUser();
    const authorization = `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
    const { body } = await other.send('POST', '/login', { headers: { authorization } });
    const token = String(body.token);
    const { body: me } = await other.get('/auth/me', { token });
    const { claims } = other.app.get(TokenService).decode(token);
    expect(claims).toMatchObject({ public_id: me.public_id, iss: 'us', aud: 'here' });
    expect(me.public_id).toMatch(/^[\da-f-]{36}$/);
    await other.close();
  });

  it('refuses a token with the two messages of the tutorial, and a challenge', async () => {
    const { user } = await loggedIn();
    const { refresh } = await app.login(user);
    const requests = [
      ['POST', '/book'],
      ['GET', '/books'],
      ['DELETE', '/books/1'],
    ] as const;
    for (const [method, path] of requests) {
      for (const [token, expected, challenge] of [
        [undefined, MISSING, 'Bearer realm="api"'],
        ['', MISSING, 'Bearer realm="api"'],
        ['x', INVALID, expect.stringMatching(/^Bearer realm="api", error="invalid_token"/)],
        [refresh, INVALID, expect.stringMatching(/^Bearer realm="api", error="invalid_token"/)],
      ] as const) {
        const headers = token === undefined ? undefined : { 'x-access-tokens': token };
        const answer = await app.send(method, path, { ...(headers && { headers }) });
        expect([answer.status, answer.body]).toEqual([401, expected]);
        expect(answer.headers.get('www-authenticate')).toEqual(challenge);
        expect(answer.headers.get('cache-control')).toBe('no-store');
      }
    }
  });

  it('reads x-access-tokens, and no other header, only at the routes of the tutorial', async () => {
    const { token } = await loggedIn();
    const { body } = await app.get('/books', { token });
    expect(body).toEqual(MISSING);
    const elsewhere = await app.get('/api/books', { headers: { 'x-access-tokens': token } });
    expect([elsewhere.status, elsewhere.body.code]).toEqual([401, 'token_missing']);
    const both = await app.get('/auth/me', { token, headers: { 'x-access-tokens': 'x' } });
    expect(both.status).toBe(200);
    const twice = await fetch(`${app.url}/books`, {
      headers: [
        ['x-access-tokens', token],
        ['x-access-tokens', token],
      ],
    });
    expect([twice.status, await twice.json()]).toEqual([401, INVALID]);
  });

  it.each<[string, (user: TestUser) => Record<string, string>]>([
    ['no credentials', () => ({})],
    ['a wrong password', ({ name }) => ({ authorization: basic(name, 'wrong') })],
    ['an unknown user', ({ password }) => ({ authorization: basic('unknown', password) })],
    ['no password', ({ name }) => ({ authorization: basic(name, '') })],
    ['no name', ({ password }) => ({ authorization: basic('', password) })],
    ['no colon', () => ({ authorization: `Basic ${Buffer.from('x').toString('base64')}` })],
    [
      'credentials that are not base64',
      ({ name, password }) => ({ authorization: `Basic ${name}:${password}` }),
    ],
    ['another scheme', ({ name, password }) => ({ authorization: `Bearer ${name}:${password}` })],
    ['a NUL', ({ name }) => ({ authorization: basic(name, '\0') })],
    [
      'bytes that are not UTF-8',
      () => ({ authorization: `Basic ${Buffer.from('\xe9:\xe9', 'latin1').toString('base64')}` }),
    ],
  ])('refuses a login with %s as the tutorial does', async (_, headersFor) => {
    const user = await app.newUser();
    const answer = await app.send('POST', '/login', { headers: headersFor(user) });
    expect([answer.status, answer.text]).toEqual([401, 'could not verify']);
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(answer.headers.get('www-authenticate')).toBe('Basic realm="bookstore", charset="UTF-8"');
  });

  it('accepts names and passwords with all kinds of characters', async () => {
    const client = new TutorialClient(app);
    await client.register('Rene\u0301 🚀', 'a:b"c\\ é\n');
    expect((await client.login('Ren\u00e9 🚀', 'a:b"c\\ é\n')).status).toBe(200);
    expect(await client.list()).toEqual([]);
  });

  it('refuses an invalid body like all other routes', async () => {
    const client = await loggedIn();
    const { book_prize: _, ...unpriced } = book;
    for (const [json, message] of [
      [{ ...book, Author: '' }, { Author: ['Shorter than minimum length 1.'] }],
      [{ ...book, book_prize: '15' }, { book_prize: ['Not a valid integer.'] }],
      [{ ...book, author: 'x' }, { author: ['Unknown field.'] }],
      [unpriced, { book_prize: ['Missing data for required field.'] }],
      [[], { _schema: ['Invalid input type.'] }],
    ]) {
      const { status, body } = await client.add(json);
      expect([status, body.code, body.message]).toEqual([400, 'validation_failed', message]);
    }
    const short = await client.register('x', 'y');
    expect([short.status, short.body.code]).toEqual([400, 'validation_failed']);
    const taken = await client.register(client.user.name, 'a password');
    expect([taken.status, taken.body]).toEqual([
      400,
      {
        statusCode: 400,
        code: 'name_taken',
        error: 'Bad Request',
        message: 'User already exists.',
      },
    ]);
    expect(await client.list()).toEqual([]);
  });

  it('counts against the limit of logins and registrations of an address', async () => {
    const limited = await bootApp({ BOOKSTORE, AUTH_RATE_LIMIT: '2' });
    const client = new TutorialClient(limited);
    await client.register('thrawn', 'grand admiral');
    await client.login('thrawn', 'wrong');
    for (const answer of [
      await client.login('thrawn', 'grand admiral'),
      await client.register('pellaeon', 'captain'),
    ]) {
      expect([answer.status, answer.body]).toMatchObject([429, { code: 'too_many_requests' }]);
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    }
    await limited.close();
  });

  it('counts the writes of the tutorial and those of all other routes together', async () => {
    const limited = await bootApp({ BOOKSTORE, USER_RATE_LIMIT: '2' });
    const { access: token, ...user } = await limited.newLogin();
    const client = new TutorialClient(limited);
    client.token = token;
    const { name, password } = user;
    const json = { name, password };
    expect((await client.add()).status).toBe(200);
    expect((await limited.send('PUT', `/api/users/${user.id}`, { token, json })).status).toBe(200);
    for (const { status, headers } of [await client.add(), await client.remove(1)]) {
      expect([status, headers.get('retry-after')]).toEqual([429, expect.stringMatching(/^\d+$/)]);
    }
    await limited.close();
  });

  it('refuses names of other users, names with invisible characters, and texts that are not Unicode', async () => {
    const user = await app.newUser();
    const client = new TutorialClient(app);
    expect((await client.register(user.name.toUpperCase(), 'a password')).body.code).toBe(
      'name_taken',
    );
    const invisible = await client.register('lu\u202eke', 'a password');
    expect([invisible.status, invisible.body.message]).toEqual([
      400,
      {
        name: ['Must not contain control, zero-width or bidirectional formatting characters.'],
      },
    ]);
    for (const text of ['"\\ud800"', '"\\udc00\\ud800"', '"a\\u0000b"']) {
      const raw = `{"name":${text},"password":"secret"}`;
      const { status, body } = await app.send('POST', '/register', { raw });
      expect([status, body.message]).toEqual([400, { name: ['Not a valid string.'] }]);
    }
  });

  it('refuses more books than a user may have', async () => {
    const client = await loggedIn();
    await addBooks(app, client.user.id, 10_000);
    const { status, body } = await client.add();
    expect([status, body]).toEqual([
      409,
      { statusCode: 409, code: 'limit_reached', error: 'Conflict', message: 'too many books' },
    ]);
  });

  it('documents its token instead of the documented errors of other tokens', async () => {
    const { paths } = buildDocument(app.app, app.config);
    for (const item of Object.values(paths)) {
      for (const operation of [item.get, item.post, item.delete]) {
        if (operation?.tags?.[0] !== BOOKSTORE_TAG.name || !operation.security?.length) continue;
        expect(operation.responses).toHaveProperty('401');
      }
    }
  });
});
