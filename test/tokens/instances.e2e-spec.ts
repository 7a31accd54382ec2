import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import jsonwebtoken from 'jsonwebtoken';
import { freezeTime } from '../support/time.js';
import { bootApp, SECRET, type TestApp } from '../support/test-app.js';

const typOf = (token: string) => jsonwebtoken.decode(token, { complete: true })!.header.typ;

/** The same token with the header of earlier releases, which wrote one `typ` for both types. */
function asOldRelease(token: string): string {
  const [header, payload] = token.split('.');
  const members = JSON.parse(Buffer.from(header!, 'base64url').toString()) as object;
  const old = Buffer.from(JSON.stringify({ ...members, typ: 'JWT' })).toString('base64url');
  const signature = createHmac('sha256', SECRET).update(`${old}.${payload}`).digest('base64url');
  return `${old}.${payload}.${signature}`;
}

/** Starts another instance on the database of the first. */
const another = (app: TestApp, env: Record<string, string> = {}) =>
  bootApp(env, { database: app.database });

describe('Two instances on a database', () => {
  let one: TestApp;
  let other: TestApp;
  let careful: TestApp;

  beforeAll(async () => {
    one = await bootApp();
    other = await another(one, { JWT_TYP: 'JWT' });
    careful = await another(one, { JWT_LEEWAY: '0s' });
  });
  afterEach(() => {
    jest.useRealTimers();
  });
  afterAll(async () => {
    await other.app.close();
    await careful.app.close();
    await one.close();
  });

  const NOW = Date.UTC(2026, 10, 25, 12) + 300;

  it('accepts new tokens of an instance whose clock is a second ahead', async () => {
    const user = await one.newUser();
    freezeTime(NOW);
    const { access, refresh } = await one.login(user);
    freezeTime(NOW - 1000);
    expect((await other.get('/auth/me', { token: access })).status).toBe(200);
    expect((await careful.get('/auth/me', { token: access })).body.code).toBe('token_invalid');
    const refreshed = await other.send('POST', '/auth/refresh', { token: refresh });
    expect(refreshed.status).toBe(200);
    freezeTime(NOW);
    const token = refreshed.body.access_token as string;
    expect((await one.get('/auth/me', { token })).status).toBe(200);
    const repeated = await one.send('POST', '/auth/refresh', { token: refresh });
    expect(repeated.body.refresh_token).toBe(refreshed.body.refresh_token);
    const { body: sessions } = await one.get<object[]>('/auth/sessions', { token });
    expect(sessions).toHaveLength(1);
  });

  it('accepts a session that the clock of another instance opened in the future, and its end', async () => {
    const user = await one.newUser();
    freezeTime(NOW);
    const { access, refresh } = await one.login(user);
    freezeTime(NOW - 4000);
    const json = { current_password: user.password, new_password: 'another password' };
    const changed = await other.send('POST', '/auth/password', { token: access, json });
    expect(changed.status).toBeLessThan(300);
    const ended = await other.send('DELETE', '/auth/logout2', { token: refresh });
    expect([200, 401]).toContain(ended.status);
    freezeTime(NOW);
    const { body } = await one.send('POST', '/auth/refresh', { token: refresh });
    expect(body.code).toBe('token_revoked');
  });

  it('refuses a token that is ahead by the leeway, and one that has expired', async () => {
    const user = await one.newUser();
    freezeTime(NOW);
    const { access } = await one.login(user);
    const { iat, exp } = jsonwebtoken.decode(access) as { iat: number; exp: number };
    freezeTime(iat * 1000 - 4999);
    expect((await other.get('/auth/me', { token: access })).status).toBe(200);
    freezeTime(iat * 1000 - 5000);
    expect((await other.get('/auth/me', { token: access })).body.code).toBe('token_invalid');
    freezeTime(exp * 1000);
    expect((await other.get('/auth/me', { token: access })).body.code).toBe('token_expired');
  });

  it('writes the typ of JWT_TYP into access tokens, and rt+jwt into refresh tokens', async () => {
    const user = await one.newUser();
    const [plain, insisting] = [await one.login(user), await other.login(user)];
    expect([typOf(plain.access), typOf(plain.refresh)]).toEqual(['at+jwt', 'rt+jwt']);
    expect([typOf(insisting.access), typOf(insisting.refresh)]).toEqual(['JWT', 'rt+jwt']);
    for (const { access, refresh } of [plain, insisting]) {
      for (const app of [one, other]) {
        expect((await app.get('/auth/me', { token: access })).status).toBe(200);
      }
      expect((await one.send('DELETE', '/auth/logout2', { token: refresh })).status).toBe(200);
    }
  });

  it('accepts tokens of an earlier release, which wrote the typ JWT for both types', async () => {
    const { access, refresh } = await one.newLogin();
    for (const app of [one, other]) {
      expect((await app.get('/auth/me', { token: asOldRelease(access) })).status).toBe(200);
    }
    const old = asOldRelease(refresh);
    const wrong = await one.get('/auth/me', { token: old });
    expect(wrong.body.code).toBe('wrong_token_type');
  });
});
