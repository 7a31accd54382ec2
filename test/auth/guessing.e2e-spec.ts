import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import argon2 from 'argon2';
import jsonwebtoken from 'jsonwebtoken';
import { AuditEntry } from '../../src/audit/audit-entry.entity.js';
import { AuditService } from '../../src/audit/audit.service.js';
import { CredentialsService } from '../../src/auth/credentials.service.js';
import { LoginFailure } from '../../src/auth/throttle/login-failure.entity.js';
import { LoginThrottleService } from '../../src/auth/throttle/login-throttle.service.js';
import { Session } from '../../src/sessions/session.entity.js';
import { TokenService } from '../../src/tokens/token.service.js';
import { UsersService } from '../../src/users/users.service.js';
import type { LoggedIn, TestUser } from '../support/client.js';
import { bootApp, type TestApp } from '../support/test-app.js';
import { freezeTime } from '../support/time.js';

const proxied = { TRUST_PROXY: '127.0.0.1' };

describe('Password guesses', () => {
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
    ['for a user', async () => (await app.newUser()).name],
    ['for an unknown name', async () => `unknown ${Math.random()}`],
  ])('delays guesses %s after five failures, each time for longer', async (_, nameOf) => {
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

  it('refuses even the correct password during a delay, with 429 and Retry-After', async () => {
    freezeTime(Date.now());
    user = await app.newUser();
    await fail(5);
    const { status, body, headers } = await login(user.name, user.password);
    expect([status, body]).toEqual([
      429,
      { statusCode: 429, code: 'too_many_requests', error: 'Too Many Requests' },
    ]);
    expect(headers.get('retry-after')).toBe('15');
    // Refused attempts do not extend the delay.
    await fail(10);
    pass(15);
    expect((await login(user.name, user.password)).status).toBe(200);
  });

  it('restarts the count of failures after a login', async () => {
    user = await app.newUser();
    for (let i = 0; i < 3; i++) {
      await fail(4);
      expect((await login(user.name, user.password)).status).toBe(200);
    }
  });

  it('lets the owner log in from another address range than the guesses', async () => {
    user = await app.newUser();
    await fail(7);
    expect(await waitOf()).toBeGreaterThan(0);
    expect(await waitOf(user.name, '203.0.113.99')).toBeGreaterThan(0);
    expect((await login(user.name, user.password, '198.51.100.1')).status).toBe(200);
  });

  it('counts guesses from IPv6 addresses by /64', async () => {
    user = await app.newUser();
    for (let i = 0; i < 5; i++) await fail(1, user.name, `2001:db8:1:2::${i + 1}`);
    expect(await waitOf(user.name, '2001:db8:1:2:ffff::1')).toBeGreaterThan(0);
    expect(await waitOf(user.name, '2001:db8:1:3::1')).toBe(0);
  });

  it('does not delay a user who has a session', async () => {
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
    expect((await app.send('POST', '/auth/password', change)).status).toBe(200);
  });

  it('delays guesses from many ranges everywhere, except where the owner logs in from', async () => {
    user = await app.newUser();
    const home = '198.51.100.1';
    await login(user.name, user.password, home);
    for (let i = 0; i < 50; i++) await fail(1, user.name, `10.1.${i}.1`);
    expect(await waitOf(user.name, '192.0.2.1')).toBeGreaterThan(0);
    expect((await login(user.name, user.password, home)).status).toBe(200);
    const unknown = `unknown ${user.id}`;
    for (let i = 0; i < 50; i++) await fail(1, unknown, `10.1.${i}.1`);
    expect(await waitOf(unknown, '192.0.2.1')).toBeGreaterThan(0);
  });

  it('delays no other account for a name that looks like an address range and a name', async () => {
    user = await app.newUser();
    await fail(6, `198.51.100 ${user.name}`);
    expect((await login(user.name, user.password, '198.51.100.1')).status).toBe(200);
  });

  it('does not delay an owner who often mistypes and then logs in', async () => {
    user = await app.newUser();
    for (let i = 0; i < 13; i++) {
      expect(await fail(4, user.name, '198.51.100.1')).toEqual([401, 401, 401, 401]);
      expect((await login(user.name, user.password, '198.51.100.1')).status).toBe(200);
    }
    expect(await fail(1, user.name, '192.0.2.1')).toEqual([401]);
    expect((await login(user.name, user.password, '192.0.2.1')).status).toBe(200);
  });

  it('keeps counting failures from many ranges after the owner mistypes once and logs in', async () => {
    user = await app.newUser();
    for (let i = 0; i < 48; i++) await fail(1, user.name, `10.1.${i}.1`);
    expect(await fail(1, user.name, '198.51.100.1')).toEqual([401]);
    expect((await login(user.name, user.password, '198.51.100.1')).status).toBe(200);
    expect(await fail(1, user.name, '10.1.100.1')).toEqual([401]);
    expect(await waitOf(user.name, '192.0.2.1')).toBe(0);
    expect(await waitOf(user.name, '192.0.2.1')).toBeGreaterThan(0);
  });

  it('counts all Unicode forms of a name as one account', async () => {
    const { id } = await app.newUser();
    const [composed, decomposed] = [`am\u00e9lie ${id}`, `ame\u0301lie ${id}`];
    expect(await fail(3, composed)).toEqual([401, 401, 401]);
    expect(await fail(2, decomposed)).toEqual([401, 401]);
    expect(await waitOf(composed)).toBeGreaterThan(0);
    expect(await waitOf(decomposed)).toBeGreaterThan(0);
  });

  it('gives concurrent guesses no more tries than sequential ones', async () => {
    user = await app.newUser();
    const verify = jest.spyOn(argon2, 'verify');
    const answers = await Promise.all(Array.from({ length: 50 }, () => login(user.name, 'wrong')));
    const tried = answers.filter(({ status }) => status === 401).length;
    expect(tried).toBe(5);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(45);
    expect(verify).toHaveBeenCalledTimes(5);
  });

  it('does not delay concurrent correct passwords', async () => {
    user = await app.newUser();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => login(user.name, user.password)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });

  it('counts guesses at every route that verifies a password', async () => {
    const owner = await app.newLogin();
    user = owner;
    const headers = { 'x-forwarded-for': '203.0.113.7' };
    const json = { current_password: 'x', new_password: 'another password' };
    const change = () => app.send('POST', '/auth/password', { token: owner.access, json, headers });
    await fail(1);
    expect((await change()).status).toBe(400);
    await fail(3);
    expect((await change()).status).toBe(429);
    expect(await waitOf()).toBeGreaterThan(0);
  });

  it('keeps failures over a restart, shares them between instances, and deletes them after a day', async () => {
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
    // Earlier tests moved the clock ahead by up to an hour.
    pass(26 * 3600);
    await app.app.get(LoginThrottleService).removeOld();
    expect(await app.sql((manager) => manager.count(LoginFailure))).toBe(0);
  });
});

describe('Wrong current passwords in one session', () => {
  let app: TestApp;
  let other: TestApp;
  let user: LoggedIn;

  beforeAll(async () => {
    app = await bootApp(proxied);
    other = await bootApp(proxied, { database: app.database });
  });
  afterAll(async () => {
    await other.app.close();
    await app.close();
  });
  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  const next = 'another password';
  /** Counts address ranges, so that each attempt comes from another one. */
  let ranges = 0;
  const change = (current = 'wrong', token = user.access, to = app, range = ++ranges) =>
    to.send<{ access_token: string; code: string }>('POST', '/auth/password', {
      token,
      json: { current_password: current, new_password: next },
      headers: { 'x-forwarded-for': `10.${Math.floor(range / 250)}.${range % 250}.1` },
    });
  const codes = async (count: number, to = app) => {
    const seen = [];
    for (let i = 0; i < count; i++) seen.push((await change('wrong', user.access, to)).body.code);
    return seen;
  };
  const wrong = (count: number) => Array.from({ length: count }, () => 'current_password_wrong');
  const eventsOf = async ({ id }: { id: number }) =>
    (
      await app.sql((manager) =>
        manager.find(AuditEntry, { where: { userId: id }, order: { id: 'ASC' } }),
      )
    ).map(({ event }) => event);

  it('ends the session after five wrong passwords, wherever they come from', async () => {
    user = await app.newLogin();
    const elsewhere = await app.login(user);
    expect(await codes(5)).toEqual(wrong(5));
    expect(await codes(2)).toEqual(['token_revoked', 'token_revoked']);
    for (const [method, path, token] of [
      ['GET', '/auth/me', user.access],
      ['POST', '/auth/refresh', user.refresh],
    ] as const) {
      const { status, body } = await app.send(method, path, { token });
      expect([status, body.code]).toEqual([401, 'token_revoked']);
    }
    expect((await app.get('/auth/me', { token: elsewhere.access })).status).toBe(200);
    const events = await eventsOf(user);
    expect(events.slice(-6)).toEqual([
      ...Array.from({ length: 5 }, () => 'login_failed'),
      'password_guessed',
    ]);
    await app.login(user);
  });

  it('counts wrong passwords over all instances and restarts', async () => {
    user = await app.newLogin();
    expect(await codes(2)).toEqual(wrong(2));
    expect(await codes(1, other)).toEqual(wrong(1));
    app = await app.restart();
    expect(await codes(1)).toEqual(wrong(1));
    expect(await codes(2, other)).toEqual(['current_password_wrong', 'token_revoked']);
  });

  it('counts wrong passwords for each session separately', async () => {
    user = await app.newLogin();
    const first = user;
    await codes(4);
    user = { ...user, ...(await app.login(user)) };
    await codes(4);
    expect((await change(user.password, first.access)).status).toBe(200);
  });

  it('resets the count after a correct password that does not end the session', async () => {
    user = await app.newLogin();
    const sessionId = (jsonwebtoken.decode(user.access) as { sid: string }).sid;
    const credentials = app.app.get(CredentialsService, { strict: false });
    const token = await app.app.get(TokenService).verify(user.access);
    const known = (await app.app.get(UsersService, { strict: false }).find(user.id))!;
    const confirm = (password: string) =>
      credentials.confirmPassword(known, password, token, {
        ip: `10.99.${++ranges}.1`,
        agent: null,
      });
    const attempts = async () =>
      (await app.sql((manager) => manager.findOneByOrFail(Session, { id: sessionId })))
        .passwordAttempts;
    await codes(4);
    expect(await attempts()).toBe(4);
    expect((await confirm(user.password)).id).toBe(user.id);
    expect(await attempts()).toBe(0);
    await codes(4);
    await expect(confirm('wrong')).rejects.toMatchObject({ code: 'current_password_wrong' });
    await expect(confirm(user.password)).rejects.toMatchObject({ code: 'token_revoked' });
  });

  it('verifies at most five of 300 concurrent wrong passwords from 75 ranges', async () => {
    user = await app.newLogin();
    // With several instances and slow verifications, more than five could run concurrently.
    const more = [
      await bootApp(proxied, { database: app.database }),
      await bootApp(proxied, { database: app.database }),
    ];
    const instances = [app, other, ...more];
    const original = argon2.verify.bind(argon2);
    const verify = jest.spyOn(argon2, 'verify').mockImplementation(async (...words) => {
      await sleep(100);
      return original(...words);
    });
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, i) =>
        change('wrong', user.access, instances[i % 4], 10_000 + (i % 75)),
      ),
    );
    expect(verify.mock.calls.length).toBeLessThanOrEqual(5);
    const counted = answers.filter(({ body }) => body.code === 'current_password_wrong').length;
    expect(counted).toBeGreaterThan(0);
    expect(counted).toBeLessThanOrEqual(5);
    for (const { body } of answers) {
      expect(['current_password_wrong', 'too_many_requests', 'token_revoked']).toContain(body.code);
    }
    for (const client of instances) {
      const { body } = await client.get('/auth/me', { token: user.access });
      expect(body.code).toBe('token_revoked');
    }
    for (const instance of more) await instance.app.close();
    expect((await eventsOf(user)).filter((event) => event === 'password_guessed')).toHaveLength(1);
    await app.login(user);
  });

  it('counts no attempt for the session if the throttle of the address range refuses it', async () => {
    user = await app.newLogin();
    const statuses = [];
    for (let i = 0; i < 4; i++) {
      statuses.push((await change('wrong', user.access, app, 20_000)).status);
    }
    await app.send('POST', '/auth/login', {
      json: { username: user.name, password: 'wrong' },
      headers: { 'x-forwarded-for': '10.80.0.1' },
    });
    for (let i = 0; i < 3; i++) {
      statuses.push((await change('wrong', user.access, app, 20_000)).status);
    }
    expect(statuses).toEqual([400, 400, 400, 400, 429, 429, 429]);
    expect((await app.get('/auth/me', { token: user.access })).status).toBe(200);
    expect((await change(user.password)).status).toBe(200);
  });

  it('ends the session and records the failure in one write', async () => {
    user = await app.newLogin();
    await codes(4);
    const trail = app.app.get(AuditService);
    const record = trail.record.bind(trail);
    jest.spyOn(trail, 'record').mockImplementation(async (event, details) => {
      if (event === 'password_guessed') throw new Error('no disk');
      return record(event, details);
    });
    const before = await app.sql((manager) => manager.find(LoginFailure));
    expect((await change()).status).toBe(500);
    expect(await app.sql((manager) => manager.find(LoginFailure))).toEqual(before);
    expect((await eventsOf(user)).filter((event) => event === 'login_failed')).toHaveLength(4);
    // The attempt still counts, so that a failing audit trail allows no further guess.
    const refused = await change();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
  });
});

describe('Common passwords', () => {
  it('lists three thousand passwords that are long enough for production', () => {
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
    const current = !app.config.flaskCompat && { current_password: password };
    return [
      await app.send('POST', '/api/users', { json: { name: 'one', password: common } }),
      await app.send('PUT', `/api/users/${String(id)}`, {
        token,
        json: { name, password: common, ...current },
      }),
      await app.send('POST', '/auth/password', {
        token,
        json: { current_password: password, new_password: common },
      }),
    ];
  };

  it('refuses a common password in production, whatever its case', async () => {
    const app = await bootApp({ NODE_ENV: 'production' });
    for (const { status, body } of await ways(app)) {
      expect([status, body]).toEqual([
        400,
        {
          statusCode: 400,
          code: 'password_too_common',
          error: 'Bad Request',
          message: 'This password is too common.',
        },
      ]);
    }
    await app.close();
  });

  it('warns of a common password in development, without logging it', async () => {
    const lines: string[] = [];
    const write = (...parts: unknown[]): void => void lines.push(parts.map(String).join(' '));
    const silent = (): void => undefined;
    const logger = { log: silent, error: silent, warn: write };
    const app = await bootApp({}, { logger });
    const answers = await ways(app);
    // The last request sends a current password that the one before has replaced.
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 400]);
    const warnings = lines.filter((line) => line.includes('common password'));
    expect(warnings).toHaveLength(2);
    expect(lines.join()).not.toContain(common);
    await app.close();
  });
});
