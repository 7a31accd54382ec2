import { createHmac } from 'node:crypto';
import type { LoggerService } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { bootApp, SECRET, type TestApp } from '../../support/test-app.js';
import { tutorialLogin } from '../tutorial-client.js';

const BOOKSTORE = 'true';

describe('Security of the bookstore tutorial', () => {
  let app: TestApp;

  afterEach(() => app.close());

  it('counts guesses at the login of the tutorial', async () => {
    app = await bootApp({ BOOKSTORE, TRUST_PROXY: '127.0.0.1' });
    const { name } = await app.newUser();
    const headers = { 'x-forwarded-for': '203.0.113.7' };
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) {
      statuses.push((await tutorialLogin(app, { name, password: 'x' }, headers)).status);
    }
    expect(statuses.at(0)).toBe(401);
    expect(statuses.at(-1)).toBe(429);
    const json = { username: name, password: 'x' };
    expect((await app.send('POST', '/auth/login', { json, headers })).status).toBe(429);
  });

  it('refuses a common password of a new user in production', async () => {
    app = await bootApp({ BOOKSTORE, NODE_ENV: 'production' });
    const json = { name: 'somebody', password: 'Football' };
    const { status, body } = await app.send('POST', '/register', { json });
    expect([status, body.code]).toEqual([400, 'password_too_common']);
  });

  it('deletes a book without If-Match, even with REQUIRE_IF_MATCH, because its clients know no ETag', async () => {
    app = await bootApp({ BOOKSTORE, REQUIRE_IF_MATCH: 'true' });
    const user = await app.newUser();
    const { body } = await tutorialLogin(app, user);
    const headers = { 'x-access-tokens': String(body.token) };
    const json = { name: 'Dune', Author: 'Frank Herbert', Publisher: 'Chilton', book_prize: 7 };
    expect((await app.send('POST', '/book', { headers, json })).status).toBe(200);
    const { body: list } = await app.get<{ list_of_books: { id: number }[] }>('/books', {
      headers,
    });
    const path = `/books/${String(list.list_of_books[0]!.id)}`;
    expect((await app.send('DELETE', path, { headers })).status).toBe(200);
    expect((await app.send('DELETE', path, { headers })).status).toBe(404);
  });

  it('accepts a token in x-access-tokens only in canonical base64url', async () => {
    app = await bootApp({ BOOKSTORE });
    const { access } = await app.newLogin();
    const [header = '', payload = ''] = access.split('.');
    const send = async (token: string) => {
      const { status, body } = await app.get('/books', { headers: { 'x-access-tokens': token } });
      return [status, body.message];
    };
    const bytes = Buffer.from(payload, 'base64url').toString();
    // One byte more than a multiple of three leaves unused bits and needs two padding characters.
    const padded = Buffer.from(bytes + ' '.repeat((4 - (bytes.length % 3)) % 3));
    const respelled = (more: string) => {
      const input = `${header}.${padded.toString('base64url')}${more}`;
      return `${input}.${createHmac('sha256', SECRET).update(input).digest('base64url')}`;
    };
    expect(await send(respelled(''))).toEqual([200, undefined]);
    for (const more of ['==', '*']) {
      expect(await send(respelled(more))).toEqual([401, 'token is invalid']);
    }
  });

  it('returns the token of its login in the body and sets no cookie, also with TOKEN_COOKIES=only', async () => {
    app = await bootApp({ BOOKSTORE, TOKEN_COOKIES: 'only' });
    const { body, headers } = await tutorialLogin(app, { name: 'user', password: 'password' });
    expect(Object.keys(body)).toEqual(['token']);
    expect(headers.getSetCookie()).toEqual([]);
  });

  it('logs why it refused credentials, on one line', async () => {
    const lines: string[] = [];
    const write = (...parts: unknown[]): void => void lines.push(parts.map(String).join(' '));
    const logger: LoggerService = { log: write, error: write, warn: write, debug: write };
    app = await bootApp({ BOOKSTORE }, { logger });
    const reasonsOf = async (send: () => Promise<{ status: number }>) => {
      lines.length = 0;
      expect((await send()).status).toBe(401);
      return lines.filter((line) => line.includes('Refused ('));
    };
    const wrong = { name: 'user', password: 'wrong' };
    const headers = { 'x-access-tokens': 'x' };
    for (const [send, reason] of [
      [() => tutorialLogin(app, wrong), 'credentials_invalid): the name or the'],
      [
        () => app.send('POST', '/login'),
        'credentials_invalid): no name and password by HTTP Basic',
      ],
      [() => app.get('/books'), 'token_missing'],
      [() => app.get('/books', { headers }), 'token_invalid): the token does not'],
    ] as const) {
      expect(await reasonsOf(send)).toEqual([expect.stringContaining(reason)]);
    }
  });
});
