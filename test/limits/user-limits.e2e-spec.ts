import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import jsonwebtoken from 'jsonwebtoken';
import { timeouts } from '../../src/database/postgres/postgres-client.js';
import { RouteRequirementsService } from '../../src/access/route-requirements.service.js';
import type { Answer, LoggedIn } from '../support/client.js';
import { crate } from '../support/fixture/crates.js';
import { bootFixtureApp } from '../support/fixture-app.js';
import type { TestApp } from '../support/test-app.js';
import { createDatabase, engine, holdWrites, type TestDatabase } from '../support/test-database.js';
import { MAX_EXEMPT_PER_MINUTE, MAX_QUEUED_PER_GROUP } from '../../src/limits/write-queue.guard.js';

const tooMany = { statusCode: 429, code: 'too_many_requests', error: 'Too Many Requests' };

function expectTooMany({ status, body, headers }: Answer): void {
  expect([status, body]).toEqual([429, tooMany]);
  const seconds = Number(headers.get('retry-after'));
  expect(seconds).toBeGreaterThanOrEqual(1);
  expect(seconds).toBeLessThanOrEqual(60);
}

const write = (app: TestApp, token: string) =>
  app.send('POST', '/api/crates', { token, json: crate });

async function writeTimes(app: TestApp, token: string, times: number): Promise<number[]> {
  const statuses = [];
  for (let i = 0; i < times; i++) statuses.push((await write(app, token)).status);
  return statuses;
}

describe('USER_RATE_LIMIT', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootFixtureApp({ USER_RATE_LIMIT: '5' });
  });
  afterAll(() => app.close());

  it('refuses the writes of a user beyond USER_RATE_LIMIT, and no reads', async () => {
    const { access } = await app.newLogin();
    expect(await writeTimes(app, access, 5)).toEqual([201, 201, 201, 201, 201]);
    expectTooMany(await write(app, access));
    for (const path of ['/auth/me', '/api/scrolls', '/auth/sessions', '/auth/token']) {
      expect((await app.get(path, { token: access })).status).toBe(200);
    }
  });

  it('counts the writes of all sessions of one user together, and each user separately', async () => {
    const user = await app.newLogin();
    const second = await app.login(user);
    expect(await writeTimes(app, user.access, 3)).toEqual([201, 201, 201]);
    expect(await writeTimes(app, second.access, 3)).toEqual([201, 201, 429]);
    expectTooMany(await write(app, user.access));
    expect(await writeTimes(app, (await app.newLogin()).access, 1)).toEqual([201]);
  });

  it('counts the writes of a user through all routes together', async () => {
    const { id, name, password, access: token } = await app.newLogin();
    const { id: crateId } = await app.newCrate(token);
    const scroll = { title: 'Buy lamps', topic: 'Office' };
    const answers = [
      await app.send('PUT', `/api/crates/${crateId}`, { token, json: crate }),
      await app.send('POST', '/api/scrolls', { token, json: scroll }),
      await app.send('PUT', `/api/crates/${crateId}`, { token, json: crate }),
      await app.send('PUT', `/api/users/${id}`, { token, json: { name, password } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 201, 200, 200]);
    const json = { current_password: password, new_password: 'another password' };
    expectTooMany(await app.send('POST', '/auth/password', { token, json }));
    expectTooMany(await app.send('DELETE', `/api/crates/${crateId}`, { token }));
    expectTooMany(await app.send('DELETE', '/api/scrolls/1', { token }));
    expectTooMany(await app.send('DELETE', `/api/users/${id}`, { token }));
  });

  it('does not count requests without a valid token', async () => {
    const { access } = await app.newLogin();
    for (let i = 0; i < 6; i++) expect((await write(app, `${access}x`)).status).toBe(401);
    expect(await writeTimes(app, access, 1)).toEqual([201]);
  });

  it('lets the victim refresh, log out and end sessions while a thief uses up USER_RATE_LIMIT', async () => {
    const user = await app.newLogin();
    const [second, third] = [await app.login(user), await app.login(user)];
    await writeTimes(app, user.access, 6);
    const answers = [await write(app, second.access)];
    expectTooMany(answers[0]!);
    const end = (path: string, token: string) => app.send('DELETE', path, { token });
    const sessions = await app.get<{ id: string; current: boolean }[]>('/auth/sessions', {
      token: second.access,
    });
    const other = sessions.body.find(({ current }) => !current)!;
    for (const [answer, status] of [
      [await app.send('POST', '/auth/refresh', { token: third.refresh }), 200],
      [await end(`/auth/sessions/${other.id}`, second.access), 204],
      [await end('/auth/sessions', second.access), 204],
      [await end('/auth/logout', second.access), 200],
      [await end('/auth/logout2', second.refresh), 200],
    ] as const) {
      expect(answer.status).toBe(status);
    }
    // USER_RATE_LIMIT does not apply to a login, which has no token.
    await app.login(user);
  });

  it('exempts the routes that refresh and that end sessions, and no other route that may write', () => {
    const routes = app.app.get(RouteRequirementsService).list();
    const exempt = routes.filter(({ rateLimited }) => !rateLimited).map(({ name }) => name);
    expect(exempt.filter((name) => !/\.(?:get|list|me|token)$/.test(name)).sort()).toEqual([
      'AuthController.endSession',
      'AuthController.logout',
      'AuthController.refresh',
      'SessionsController.end',
      'SessionsController.endOthers',
    ]);
  });

  it('does not limit writes in development', async () => {
    const free = await bootFixtureApp();
    const { access } = await free.newLogin();
    expect(new Set(await writeTimes(free, access, 30))).toEqual(new Set([201]));
    await free.close();
  });
});

describe('Changes of passwords', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootFixtureApp();
  });
  afterAll(() => app.close());

  const put = ({ id, name, access }: LoggedIn, password: unknown) =>
    app.send('PUT', `/api/users/${id}`, { token: access, json: { name, password } });

  it('limits a session to ten password changes a minute over both routes, also in development', async () => {
    const user = await app.newLogin();
    const change = (current: string) =>
      app.send('POST', '/auth/password', {
        token: user.access,
        json: { current_password: current, new_password: 'another password' },
      });
    for (let i = 0; i < 9; i++) expect((await put(user, 'a password')).status).toBe(200);
    expect((await change('not the password')).status).toBe(400);
    expectTooMany(await put(user, 'a password'));
    expectTooMany(await change('a password'));
    const again = { ...user, ...(await app.login(user)) };
    expect((await put(again, 'a password')).status).toBe(200);
  });

  it('does not refuse the password changes of an ordinary client of the Flask service', async () => {
    const user = await app.newLogin();
    for (let i = 1; i <= 5; i++) {
      const password = `password number ${i}`;
      expect((await put(user, password)).status).toBe(200);
      await app.login({ ...user, password });
    }
  });

  it('does not count password changes whose body is refused', async () => {
    const user = await app.newLogin();
    for (let i = 0; i < 12; i++) expect((await put(user, i)).status).toBe(400);
    expect((await put(user, 'a password')).status).toBe(200);
  });

  it('lets a session be ended after its password changes are used up', async () => {
    const user = await app.newLogin();
    for (let i = 0; i < 11; i++) await put(user, 'a password');
    expectTooMany(await put(user, 'a password'));
    expect((await app.send('DELETE', '/auth/logout2', { token: user.refresh })).status).toBe(200);
  });
});

describe('Requests that may write', () => {
  let database: TestDatabase;
  let app: TestApp;

  beforeAll(async () => {
    database = await createDatabase();
    const env = { TRUST_PROXY: '127.0.0.1', USER_RATE_LIMIT: '100000' };
    app = await bootFixtureApp(env, { database });
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });
  afterAll(() => app.close());

  const running = engine === 'sqlite' ? 32 : 8;
  const sidOf = (token: string) => (jsonwebtoken.decode(token) as { sid: string }).sid;
  const end = (token: string, id: string, from = '192.0.2.1') =>
    app.send('DELETE', `/auth/sessions/${id}`, { token, headers: { 'x-forwarded-for': from } });
  const refresh = (token: string, from: string) =>
    app.send('POST', '/auth/refresh', { token, headers: { 'x-forwarded-for': from } });

  it('opens no write transaction if there is no session to end', async () => {
    const [user, other] = [await app.newLogin(), await app.newLogin()];
    const release = await holdWrites(database);
    try {
      for (const id of [randomUUID(), sidOf(other.access)]) {
        expect((await end(user.access, id)).status).toBe(404);
      }
      expect((await app.send('DELETE', '/auth/sessions', { token: user.access })).status).toBe(204);
    } finally {
      await release();
    }
  });

  it('bounds the queued writes of each group, and keeps places for other sessions, ranges and users', async () => {
    const thief = await app.newLogin();
    const victim = await app.login(thief);
    const others = [await app.newLogin(), await app.newLogin()];
    // No write may time out before the flood has arrived, which takes seconds on a busy machine.
    for (const kind of ['query', 'lock', 'statement'] as const) {
      jest.replaceProperty(timeouts, kind, 50_000);
    }
    const release = await holdWrites(database);
    const refused: Answer[] = [];
    let flood: Promise<Answer[]>;
    let defended: Promise<Answer[]>;
    try {
      flood = Promise.all(
        Array.from({ length: running + MAX_QUEUED_PER_GROUP + 20 }, async () => {
          const answer = await end(thief.access, sidOf(thief.access));
          if (answer.status === 429) refused.push(answer);
          return answer;
        }),
      );
      const ended = flood.then(
        () => true,
        () => true,
      );
      while (refused.length < 20 && !(await Promise.race([ended, sleep(5, false)])));
      defended = Promise.all([
        refresh(victim.refresh, '192.0.2.1'),
        refresh(thief.refresh, '198.51.100.1'),
        ...others.map(({ refresh: token }) => refresh(token, '192.0.2.1')),
        app.send('DELETE', '/auth/logout', { token: others[0]!.access }),
      ]);
      await sleep(100);
    } finally {
      await release();
    }
    const answers = await flood;
    expect(refused).toHaveLength(20);
    for (const answer of refused) {
      expectTooMany(answer);
      expect(answer.headers.get('retry-after')).toBe('1');
    }
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
    expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
    const [ofVictim, elsewhere, ...rest] = (await defended).map(({ status }) => status);
    expect([ofVictim, ...rest]).toEqual([200, 200, 200, 200]);
    // The flood may have ended this session first.
    expect([200, 401]).toContain(elsewhere);
  });

  it('counts refreshes and ends of sessions by session and address range', async () => {
    const thief = await app.newLogin();
    const victim = await app.login(thief);
    const statuses = new Set<number>();
    for (let sent = 0; sent < MAX_EXEMPT_PER_MINUTE; sent += 50) {
      const batch = Array.from({ length: 50 }, () => end(thief.access, randomUUID()));
      for (const { status } of await Promise.all(batch)) statuses.add(status);
    }
    expect(statuses).toEqual(new Set([404]));
    expectTooMany(await end(thief.access, randomUUID()));
    expectTooMany(await refresh(thief.refresh, '192.0.2.9'));
    expect((await refresh(thief.refresh, '198.51.100.1')).status).toBe(200);
    expect((await end(victim.access, sidOf(thief.access))).status).toBe(204);
  });
});
