import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import argon2 from 'argon2';
import { LoginFailure } from '../src/auth/login-failure.js';
import { LoginThrottle } from '../src/auth/login-throttle.js';
import type { TestUser } from './support/client.js';
import { bootApp, type TestApp } from './support/test-app.js';
import { freezeTime } from './support/time.js';

const proxied = { TRUST_PROXY: '127.0.0.1' };

describe('Guessing passwords', () => {
  let app: TestApp;
  let user: TestUser;

  beforeAll(async () => {
    app = await bootApp(proxied);
  });
  afterAll(() => app.close());
  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  const login = (name: string, password: string, from = '203.0.113.7', to: TestApp = app) =>
    to.send('POST', '/auth/login', {
      json: { username: name, password },
      headers: { 'x-forwarded-for': from },
    });
  const fail = async (times: number, name = user.name, from?: string) => {
    const answers = [];
    for (let i = 0; i < times; i++) answers.push(await login(name, 'wrong', from));
    return answers.map(({ status }) => status);
  };
  const waitOf = async (name = user.name, from?: string) => {
    const { status, headers } = await login(name, 'wrong', from);
    return status === 429 ? Number(headers.get('retry-after')) : 0;
  };
  const pass = (seconds: number) => freezeTime(Date.now() + seconds * 1000);

  it.each([
    ['of a user', async () => (await app.newUser()).name],
    ['of nobody', async () => `nobody ${Math.random()}`],
  ])('%s is delayed after five failures, for growing spans', async (_, nameOf) => {
    freezeTime(Date.now());
    const name = await nameOf();
    expect(await fail(5, name)).toEqual([401, 401, 401, 401, 401]);
    const spans = [];
    for (let i = 0; i < 8; i++) {
      const wait = await waitOf(name);
      spans.push(wait);
      pass(wait - 1);
      expect(await waitOf(name)).toBe(1);
      pass(1);
      expect((await login(name, 'wrong')).status).toBe(401);
    }
    expect(spans).toEqual([15, 30, 60, 120, 240, 480, 900, 900]);
  });

  it('is refused in the one shape, right passwords too', async () => {
    freezeTime(Date.now());
    user = await app.newUser();
    await fail(5);
    const { status, body, headers } = await login(user.name, user.password);
    expect([status, body]).toEqual([
      429,
      { statusCode: 429, code: 'too_many_requests', error: 'Too Many Requests' },
    ]);
    expect(headers.get('retry-after')).toBe('15');
    // A refusal makes nothing worse.
    await fail(10);
    pass(15);
    expect((await login(user.name, user.password)).status).toBe(200);
  });

  it('begins anew after a login', async () => {
    user = await app.newUser();
    for (let i = 0; i < 3; i++) {
      await fail(4);
      expect((await login(user.name, user.password)).status).toBe(200);
    }
  });

  it('from one place does not lock out the owner in another', async () => {
    user = await app.newUser();
    await fail(7);
    expect(await waitOf()).toBeGreaterThan(0);
    expect(await waitOf(user.name, '203.0.113.99')).toBeGreaterThan(0);
    expect((await login(user.name, user.password, '198.51.100.1')).status).toBe(200);
  });

  it('from one place counts by range: a /64 of IPv6', async () => {
    user = await app.newUser();
    for (let i = 0; i < 5; i++) await fail(1, user.name, `2001:db8:1:2::${i + 1}`);
    expect(await waitOf(user.name, '2001:db8:1:2:ffff::1')).toBeGreaterThan(0);
    expect(await waitOf(user.name, '2001:db8:1:3::1')).toBe(0);
  });

  it('does not stop who has a session', async () => {
    const owner = await app.newLogin();
    user = owner;
    await fail(6);
    expect((await app.get('/auth/me', { token: owner.access })).status).toBe(200);
    const { status } = await app.send('POST', '/auth/refresh', { token: owner.refresh });
    expect(status).toBe(200);
    for (let i = 0; i < 50; i++) await fail(1, user.name, `10.1.${i}.1`);
    const json = { current_password: user.password, new_password: 'another password' };
    const headers = { 'x-forwarded-for': '192.0.2.1' };
    const change = { token: owner.access, json, headers };
    expect((await app.send('POST', '/auth/password', change)).status).toBe(204);
  });

  it('from everywhere is delayed everywhere, but where the owner logs in from', async () => {
    user = await app.newUser();
    const home = '198.51.100.1';
    await login(user.name, user.password, home);
    for (let i = 0; i < 50; i++) await fail(1, user.name, `10.1.${i}.1`);
    expect(await waitOf(user.name, '192.0.2.1')).toBeGreaterThan(0);
    expect((await login(user.name, user.password, home)).status).toBe(200);
    const nobody = `nobody ${user.id}`;
    for (let i = 0; i < 50; i++) await fail(1, nobody, `10.1.${i}.1`);
    expect(await waitOf(nobody, '192.0.2.1')).toBeGreaterThan(0);
  });

  it('by a name that looks like the owner and their range delays nobody', async () => {
    user = await app.newUser();
    await fail(6, `198.51.100 ${user.name}`);
    expect((await login(user.name, user.password, '198.51.100.1')).status).toBe(200);
  });

  it('is no matter of the owner’s own mistakes, however many, with a login behind them', async () => {
    user = await app.newUser();
    for (let i = 0; i < 13; i++) {
      expect(await fail(4, user.name, '198.51.100.1')).toEqual([401, 401, 401, 401]);
      expect((await login(user.name, user.password, '198.51.100.1')).status).toBe(200);
    }
    expect(await fail(1, user.name, '192.0.2.1')).toEqual([401]);
    expect((await login(user.name, user.password, '192.0.2.1')).status).toBe(200);
  });

  it('from many places stays counted when the owner mistypes once and then logs in', async () => {
    user = await app.newUser();
    for (let i = 0; i < 48; i++) await fail(1, user.name, `10.1.${i}.1`);
    expect(await fail(1, user.name, '198.51.100.1')).toEqual([401]);
    expect((await login(user.name, user.password, '198.51.100.1')).status).toBe(200);
    expect(await fail(1, user.name, '10.1.100.1')).toEqual([401]);
    expect(await waitOf(user.name, '192.0.2.1')).toBe(0);
    expect(await waitOf(user.name, '192.0.2.1')).toBeGreaterThan(0);
  });

  it('is counted for one account, in whatever Unicode form the name is written', async () => {
    const { id } = await app.newUser();
    const [composed, decomposed] = [`am\u00e9lie ${id}`, `ame\u0301lie ${id}`];
    expect(await fail(3, composed)).toEqual([401, 401, 401]);
    expect(await fail(2, decomposed)).toEqual([401, 401]);
    expect(await waitOf(composed)).toBeGreaterThan(0);
    expect(await waitOf(decomposed)).toBeGreaterThan(0);
  });

  it('at once gets no more tries than one after the other', async () => {
    user = await app.newUser();
    const verify = jest.spyOn(argon2, 'verify');
    const answers = await Promise.all(Array.from({ length: 50 }, () => login(user.name, 'wrong')));
    const tried = answers.filter(({ status }) => status === 401).length;
    expect(tried).toBe(5);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(45);
    expect(verify).toHaveBeenCalledTimes(5);
  });

  it('is no matter of right passwords, however many come at once', async () => {
    user = await app.newUser();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => login(user.name, user.password)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });

  it('is counted by all that asks for a password', async () => {
    const owner = await app.newLogin();
    user = owner;
    const headers = { 'x-forwarded-for': '203.0.113.7' };
    const basic = () => {
      const authorization = `Basic ${Buffer.from(`${user.name}:x`).toString('base64')}`;
      return app.send('POST', '/login', { headers: { ...headers, authorization } });
    };
    const json = { current_password: 'x', new_password: 'another password' };
    const change = () => app.send('POST', '/auth/password', { token: owner.access, json, headers });
    await fail(1);
    expect([(await basic()).status, (await change()).status]).toEqual([401, 400]);
    await fail(2);
    expect([(await basic()).status, (await change()).status]).toEqual([429, 429]);
    expect(await waitOf()).toBeGreaterThan(0);
  });

  it('is remembered over a restart, shared by instances, and forgotten after a day', async () => {
    user = await app.newUser();
    await fail(3);
    const other = await bootApp(proxied, { database: app.database });
    for (let i = 0; i < 2; i++) await login(user.name, 'wrong', undefined, other);
    expect(await waitOf()).toBeGreaterThan(0);
    await other.app.close();
    app = await app.restart();
    expect(await waitOf()).toBeGreaterThan(0);
    const names = JSON.stringify(await app.sql((manager) => manager.find(LoginFailure)));
    expect(names).not.toContain(user.name);
    // Other tests have been an hour ahead.
    pass(26 * 3600);
    await app.app.get(LoginThrottle).run();
    expect(await app.sql((manager) => manager.count(LoginFailure))).toBe(0);
  });
});

describe('Common passwords', () => {
  it('are three thousand, and three thousand that production would not find too short', () => {
    const list = readFileSync('data/common-passwords.txt', 'utf8').trim().split('\n');
    expect(new Set(list).size).toBe(list.length);
    expect(list.filter((password) => password.length >= 8)).toHaveLength(3000);
    expect(list.slice(0, 3)).toEqual(['123456', 'password', '12345678']);
    expect(list.length).toBeGreaterThan(3000);
    expect(list.filter((password) => password !== password.toLowerCase())).toEqual([]);
  });

  const common = 'Football';
  const ways = async (app: TestApp) => {
    const name = 'somebody';
    const password = 'a rare password';
    await app.send('POST', '/api/users', { json: { name, password } });
    const { access: token } = await app.login({ name, password });
    const { id } = (await app.get('/auth/me', { token })).body;
    return [
      await app.send('POST', '/api/users', { json: { name: 'one', password: common } }),
      await app.send('POST', '/register', { json: { name: 'two', password: common } }),
      await app.send('PUT', `/api/users/${String(id)}`, {
        token,
        json: { name, password: common },
      }),
      await app.send('POST', '/auth/password', {
        token,
        json: { current_password: password, new_password: common },
      }),
    ];
  };

  it('are refused in production, whatever the case', async () => {
    const app = await bootApp({ NODE_ENV: 'production' });
    for (const { status, body } of await ways(app)) {
      expect([status, body]).toEqual([
        400,
        {
          statusCode: 400,
          code: 'password_too_common',
          error: 'Bad Request',
          message: 'This password is among those that are tried first.',
        },
      ]);
    }
    await app.close();
  });

  it('are warned of in development, and not said', async () => {
    const lines: string[] = [];
    const write = (...parts: unknown[]): void => void lines.push(parts.map(String).join(' '));
    const silent = (): void => undefined;
    const logger = { log: silent, error: silent, warn: write };
    const app = await bootApp({}, { logger });
    const answers = await ways(app);
    // The last one knows a password that the third has changed.
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 200, 400]);
    const warnings = lines.filter((line) => line.includes('common password'));
    expect(warnings).toHaveLength(3);
    expect(lines.join()).not.toContain(common);
    await app.close();
  });
});
