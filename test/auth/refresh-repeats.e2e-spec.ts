import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import jsonwebtoken from 'jsonwebtoken';
import { AuditEntry } from '../../src/audit/audit-entry.entity.js';
import { TokenKeys } from '../../src/keys/token-keys.js';
import { unseal } from '../../src/sessions/sealed-token.js';
import { Session } from '../../src/sessions/session.entity.js';
import { SuccessorErasureService } from '../../src/sessions/successor-erasure.service.js';
import { TokenService } from '../../src/tokens/token.service.js';
import { type Claims, Token, type TokenHeader } from '../../src/tokens/token.js';
import { keyCommands } from '../support/key-commands.js';
import type { Answer, Client, LoggedIn } from '../support/client.js';
import { settingsFor } from '../support/key-material.js';
import { ServiceProcess } from '../support/process.js';
import { bootApp, SECRET, type TestApp } from '../support/test-app.js';
import { createDatabase, engine, holdWrites } from '../support/test-database.js';
import { freezeTime } from '../support/time.js';

interface Pair {
  access_token: string;
  refresh_token: string;
}

const proxied = { TRUST_PROXY: '127.0.0.1' };
const home = '203.0.113.7';
const neighbour = '203.0.113.200';
const abroad = '198.51.100.1';
const browser = 'a browser/1.0';
const revoked = { statusCode: 401, code: 'token_revoked', error: 'Token has been revoked' };

const claimsOf = (token: string) => jsonwebtoken.decode(token) as Claims;
const sidOf = (token: string) => claimsOf(token).sid!;
const refreshAt = (client: Client, token: string, from = home, agent = browser) =>
  client.send<Pair>('POST', '/auth/refresh', {
    token,
    headers: { 'x-forwarded-for': from, 'user-agent': agent },
  });
/** Sends no user agent, which `fetch` always sends. */
const refreshWithoutAgent = (client: Client, token: string, from: string) =>
  new Promise<number>((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, 'x-forwarded-for': from };
    const sent = request(`${client.url}/auth/refresh`, { method: 'POST', headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    sent.on('error', reject).end();
  });
const rowOf = (app: TestApp, token: string) =>
  app.sql((manager) => manager.findOneByOrFail(Session, { id: sidOf(token) }));
const trailOf = (app: TestApp, token: string, event: AuditEntry['event']) =>
  app.sql((manager) =>
    manager.find(AuditEntry, { where: { sessionId: sidOf(token), event }, order: { id: 'ASC' } }),
  );
const statusesOf = (answers: Answer<unknown>[]) => answers.map(({ status }) => status).sort();
const times = (count: number, status: number) => Array.from({ length: count }, () => status);

describe('A repeat of a rotated refresh token', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootApp(proxied);
  });
  afterAll(() => app.close());
  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  const refresh = (token: string, from?: string, agent?: string) =>
    refreshAt(app, token, from, agent);
  /** @returns a login whose first refresh token was rotated from `home` */
  const loginAndRefresh = async () => {
    const user = await app.newLogin();
    const { body } = await refresh(user.refresh);
    return { ...user, successor: body.refresh_token, newAccess: body.access_token };
  };
  const expectTheft = async (user: LoggedIn & { newAccess: string }, answer: Answer<Pair>) => {
    expect([answer.status, answer.body]).toEqual([401, revoked]);
    for (const token of [user.access, user.newAccess]) {
      expect((await app.get('/auth/me', { token })).body).toEqual(revoked);
    }
    expect(await trailOf(app, user.refresh, 'refresh_reused')).toHaveLength(1);
  };

  it('returns the successor to the same address range, whatever the user agent', async () => {
    const user = await loginAndRefresh();
    for (const [from, agent] of [
      [home, browser],
      [neighbour, browser],
      [neighbour, 'another/2.0'],
      [home, ''],
    ] as const) {
      const { status, body } = await refresh(user.refresh, from, agent);
      expect([status, body.refresh_token]).toEqual([200, user.successor]);
    }
    expect(await refreshWithoutAgent(app, user.refresh, home)).toBe(200);
    expect((await refresh(user.successor)).status).toBe(200);
  });

  it('returns the successor once to another range with the same user agent', async () => {
    const user = await loginAndRefresh();
    const moved = await refresh(user.refresh, abroad);
    expect([moved.status, moved.body.refresh_token]).toEqual([200, user.successor]);
    expect((await refresh(user.refresh)).status).toBe(200);
    await expectTheft(user, await refresh(user.refresh, abroad));
  });

  it('ends the session for a repeat from a second other range', async () => {
    const user = await loginAndRefresh();
    expect((await refresh(user.refresh, abroad)).status).toBe(200);
    await expectTheft(user, await refresh(user.refresh, '192.0.2.1'));
  });

  it('ends the session for a repeat from another range with another user agent', async () => {
    const user = await loginAndRefresh();
    await expectTheft(user, await refresh(user.refresh, abroad, 'curl/8'));
    const [entry] = await trailOf(app, user.refresh, 'refresh_reused');
    expect(entry).toMatchObject({ userId: user.id, ip: abroad, agent: 'curl/8' });
    expect((await refresh(user.successor)).body).toEqual(revoked);
  });

  it.each(['absent', 'empty'])(
    'ends the session for a repeat from another range if both user agents are %s',
    async (how) => {
      const user = await app.newLogin();
      const send = async (from: string) =>
        how === 'absent'
          ? refreshWithoutAgent(app, user.refresh, from)
          : (await refresh(user.refresh, from, '')).status;
      expect(await send(home)).toBe(200);
      expect(await send(neighbour)).toBe(200);
      expect(await send(abroad)).toBe(401);
      expect(await trailOf(app, user.refresh, 'refresh_reused')).toHaveLength(1);
      expect((await app.get('/auth/me', { token: user.access })).body).toEqual(revoked);
    },
  );

  it('compares addresses by /24 of IPv4 and by /64 of IPv6', async () => {
    for (const [first, near, far] of [
      ['203.0.113.7', '203.0.113.255', '203.0.112.7'],
      ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', '2001:db8:1:3::1'],
      ['203.0.113.7', '::ffff:203.0.113.9', '2001:db8:1:2::1'],
    ]) {
      const user = await app.newLogin();
      expect((await refresh(user.refresh, first, browser)).status).toBe(200);
      expect((await refresh(user.refresh, near, 'another')).status).toBe(200);
      expect((await refresh(user.refresh, far, 'another')).status).toBe(401);
    }
  });

  it('compares a repeat with the request that rotated the token, not with an earlier one', async () => {
    const user = await loginAndRefresh();
    const moved = await refresh(user.successor, abroad, 'curl/8');
    expect(moved.status).toBe(200);
    expect((await refresh(user.successor, abroad, 'other')).status).toBe(200);
    expect((await refresh(user.successor, home, browser)).status).toBe(401);
  });

  it('counts repeats for each token separately', async () => {
    const user = await loginAndRefresh();
    expect((await refresh(user.refresh, abroad)).status).toBe(200);
    const next = await refresh(user.successor);
    expect(next.status).toBe(200);
    const again = await refresh(user.successor, abroad);
    expect([again.status, again.body.refresh_token]).toEqual([200, next.body.refresh_token]);
  });

  it('refuses repeats with 429 after fifty, and keeps the session active', async () => {
    const user = await loginAndRefresh();
    for (let i = 0; i < 50; i++) expect((await refresh(user.refresh)).status).toBe(200);
    for (const from of [home, abroad]) {
      const { status, body, headers } = await refresh(user.refresh, from);
      expect([status, body]).toEqual([
        429,
        {
          statusCode: 429,
          code: 'too_many_requests',
          error: 'Too Many Requests',
          message: 'Use the refresh token of an earlier answer.',
        },
      ]);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect((await rowOf(app, user.refresh)).repeats).toBe(50);
    expect((await app.get('/auth/me', { token: user.access })).status).toBe(200);
    expect((await refresh(user.successor)).status).toBe(200);
    expect((await refresh(user.successor)).status).toBe(200);
  });

  it('ends the session for a repeat from elsewhere even after fifty repeats', async () => {
    const user = await loginAndRefresh();
    for (let i = 0; i < 50; i++) await refresh(user.refresh);
    await expectTheft(user, await refresh(user.refresh, abroad, 'curl/8'));
  });

  it('records a repeat once for each token, range and user agent', async () => {
    const user = await loginAndRefresh();
    for (let i = 0; i < 3; i++) {
      await refresh(user.refresh, home);
      await refresh(user.refresh, neighbour);
      await refresh(user.refresh, home, 'another/2.0');
    }
    await refresh(user.refresh, abroad);
    await refresh(user.successor);
    await refresh(user.successor);
    const entries = await trailOf(app, user.refresh, 'refresh_repeated');
    expect(entries.map(({ userId, ip, agent }) => [userId, ip, agent])).toEqual([
      [user.id, home, browser],
      [user.id, home, 'another/2.0'],
      [user.id, abroad, browser],
      [user.id, home, browser],
    ]);
  });

  it('does not show in the list of sessions when a token was rotated', async () => {
    freezeTime(new Date('2026-11-22T08:10:00Z'));
    const user = await app.newLogin();
    const look = async () => (await app.get('/auth/sessions', { token: user.access })).text;
    const before = await look();
    freezeTime(new Date('2026-11-22T08:20:00Z'));
    await refresh(user.refresh);
    expect(await look()).toBe(before);
  });

  it('counts and records a repeat only if it is answered', async () => {
    const user = await loginAndRefresh();
    const repeat = jest.spyOn(app.app.get(TokenService), 'decode');
    repeat.mockImplementationOnce(() => {
      throw new Error('no');
    });
    expect((await refresh(user.refresh, abroad)).status).toBe(500);
    const { repeats, repeatedElsewhere } = await rowOf(app, user.refresh);
    expect([repeats, repeatedElsewhere]).toEqual([0, false]);
    expect(await trailOf(app, user.refresh, 'refresh_repeated')).toEqual([]);
    expect((await refresh(user.refresh, abroad)).status).toBe(200);
  });
});

describe('Repeats at two processes', () => {
  it('answers fifty concurrent repeats in total, and one from another range', async () => {
    const database = await createDatabase();
    const settings = { ...database.settings, ...proxied, JWT_SECRET_KEY: SECRET };
    const services = [ServiceProcess.spawn(settings)];
    const clients = [await services[0]!.client()];
    services.push(ServiceProcess.spawn(settings));
    clients.push(await services[1]!.client());
    const user = await clients[0]!.newUser();
    const login = () => clients[0]!.login(user);
    /** Sends requests that have all begun before the first of them may write. */
    const atOnce = async (count: number, token: string, from: string) => {
      const release = await holdWrites(database);
      const racing = Array.from({ length: count }, (_, i) =>
        refreshAt(clients[i % 2]!, token, from),
      );
      await sleep(400);
      await release();
      return Promise.all(racing);
    };

    const tabs = await login();
    const answers = await atOnce(60, tabs.refresh, home);
    expect(statusesOf(answers)).toEqual([...times(51, 200), ...times(9, 429)]);
    const successors = new Set(answers.flatMap(({ body }) => body.refresh_token ?? []));
    expect(successors.size).toBe(1);
    expect((await refreshAt(clients[1]!, [...successors][0]!)).status).toBe(200);

    const stolen = await login();
    const first = await refreshAt(clients[0]!, stolen.refresh);
    expect(first.status).toBe(200);
    expect(statusesOf(await atOnce(10, stolen.refresh, abroad))).toEqual([200, ...times(9, 401)]);
    for (const client of clients) {
      expect((await client.get('/auth/me', { token: first.body.access_token })).body).toEqual(
        revoked,
      );
    }
    await Promise.all(services.map((service) => service.kill('SIGKILL')));
    await database.drop();
  }, 60_000);
});

describe('The sealed successor', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootApp({ ...proxied, MAX_SESSIONS: '5' });
  });
  afterAll(() => app.close());
  afterEach(() => {
    jest.useRealTimers();
  });

  const tokenOf = (signed: string) => {
    const { header, payload } = jsonwebtoken.decode(signed, { complete: true })!;
    return new Token(signed, header as TokenHeader, payload as Claims);
  };
  const erase = () => app.app.get(SuccessorErasureService).eraseOverdue();
  const loginAndRefresh = async () => {
    const user = await app.newLogin();
    const { body } = await refreshAt(app, user.refresh);
    return { ...user, successor: body.refresh_token, newAccess: body.access_token };
  };

  it('unseals the successor only with both the rotated token and the secret of the signing key', async () => {
    const user = await loginAndRefresh();
    const backup = (await rowOf(app, user.refresh)).successor!;
    const key = app.app.get(TokenKeys).ring.signing;
    const token = tokenOf(user.refresh);
    expect(unseal(backup, token, key)).toBe(user.successor);
    const guesses = [Buffer.alloc(0), Buffer.alloc(32), randomBytes(32), Buffer.from(key.id)];
    for (const sealing of guesses) expect(unseal(backup, token, { ...key, sealing })).toBeNull();
    const other = await loginAndRefresh();
    for (const signed of [user.successor, user.access, other.refresh]) {
      expect(unseal(backup, tokenOf(signed), key)).toBeNull();
    }
  });

  it('erases the successor from all tables 31 seconds after the rotation', async () => {
    freezeTime(Date.now());
    const user = await loginAndRefresh();
    freezeTime(Date.now() + 29_000);
    await erase();
    expect((await rowOf(app, user.refresh)).successor).not.toBeNull();
    freezeTime(Date.now() + 2000);
    await erase();
    const row = await rowOf(app, user.refresh);
    expect(row).toMatchObject({ successor: null, rotatedByRange: null, rotatedByAgent: null });
    const tables = ['sessions', 'audit_entries', 'revoked_tokens', 'login_failures'];
    for (const table of tables) {
      const rows = await app.sql((manager) => manager.query<object[]>(`SELECT * FROM ${table}`));
      expect(JSON.stringify(rows)).not.toContain(`"${app.app.get(TokenKeys).ring.signing.id}.`);
    }
    expect((await refreshAt(app, user.successor)).status).toBe(200);
  });

  it('leaves no successor in the files of SQLite', async () => {
    if (engine !== 'sqlite') return;
    freezeTime(Date.now());
    const user = await loginAndRefresh();
    const { successor } = await rowOf(app, user.refresh);
    const files = () =>
      ['', '-wal'].map((end) =>
        readFileSync(join(app.database.folder, `app.sqlite${end}`), 'latin1'),
      );
    expect(files().join('')).toContain(successor);
    freezeTime(Date.now() + 31_000);
    await erase();
    expect(files().join('')).not.toContain(successor);
  });

  it('keeps the successor of a session that has rotated again', async () => {
    freezeTime(Date.now());
    const user = await loginAndRefresh();
    freezeTime(Date.now() + 31_000);
    const { body } = await refreshAt(app, user.successor);
    await erase();
    expect((await refreshAt(app, user.successor)).body.refresh_token).toBe(body.refresh_token);
  });

  it.each<[string, (user: LoggedIn, other: { access: string }) => Promise<unknown>]>([
    ['a logout', (user) => app.send('DELETE', '/auth/logout2', { token: user.refresh })],
    [
      'a request of another session',
      (user, { access: token }) =>
        app.send('DELETE', `/auth/sessions/${sidOf(user.access)}`, { token }),
    ],
    [
      'the end of all other sessions',
      (_, { access: token }) => app.send('DELETE', '/auth/sessions', { token }),
    ],
    [
      'a new password',
      (user, { access: token }) =>
        app.send('POST', '/auth/password', {
          token,
          json: { current_password: user.password, new_password: 'another password' },
        }),
    ],
    ['theft', (user) => refreshAt(app, user.refresh, abroad, 'curl/8')],
    [
      'five wrong passwords',
      async (user) => {
        for (let i = 0; i < 5; i++) {
          await app.send('POST', '/auth/password', {
            token: user.access,
            json: { current_password: 'wrong', new_password: 'another password' },
          });
        }
      },
    ],
    [
      'too many logins',
      async (user) => {
        for (let i = 0; i < 5; i++) await app.login(user);
      },
    ],
  ])('erases the successor when the session ends by %s', async (_, end) => {
    freezeTime(Date.now());
    const user = await loginAndRefresh();
    freezeTime(Date.now() + 1000);
    const other = await app.login(user);
    expect((await rowOf(app, user.refresh)).successor).not.toBeNull();
    await end(user, other);
    const { endedAt, successor } = await rowOf(app, user.refresh);
    expect([endedAt, successor]).toEqual([expect.any(Number), null]);
  });

  it('erases overdue successors when the service starts', async () => {
    freezeTime(Date.now());
    const user = await loginAndRefresh();
    await app.app.close();
    freezeTime(Date.now() + 60_000);
    app = await bootApp({ ...proxied, MAX_SESSIONS: '5' }, { database: app.database });
    const left = async () => (await rowOf(app, user.refresh)).successor;
    while ((await left()) !== null) await sleep(5);
  });

  it('erases overdue successors within ten seconds while the service runs', async () => {
    const other = await bootApp({ ...proxied, REFRESH_GRACE: '1s' });
    const user = await other.newLogin();
    await refreshAt(other, user.refresh);
    const since = performance.now();
    while ((await rowOf(other, user.refresh)).successor !== null) await sleep(200);
    expect(performance.now() - since).toBeLessThan(11_000);
    await other.close();
  });

  it('answers a repeat with 503, and ends no session, if the successor was erased', async () => {
    const user = await loginAndRefresh();
    const id = sidOf(user.refresh);
    await app.sql((manager) => manager.update(Session, { id }, { successor: null }));
    const { status, headers } = await refreshAt(app, user.refresh);
    expect([status, headers.get('retry-after')]).toEqual([503, '1']);
    expect((await app.get('/auth/me', { token: user.access })).status).toBe(200);
  });

  it('stores no successor without a grace period', async () => {
    const other = await bootApp({ ...proxied, REFRESH_GRACE: '0' });
    const user = await other.newLogin();
    expect((await refreshAt(other, user.refresh)).status).toBe(200);
    expect((await rowOf(other, user.refresh)).successor).toBeNull();
    await other.close();
  });
});

describe.each(['HS256', 'RS256', 'ES512'] as const)('A change of keys from %s', (algorithm) => {
  let app: TestApp;
  let keys: ReturnType<typeof keyCommands>;
  let own: string;

  const use = async (id: string) => {
    await keys.use(id);
    // The service checks the file every tenth of a second.
    await sleep(120);
  };
  const add = () => keys.add(algorithm);

  beforeAll(async () => {
    app = await bootApp({ ...proxied, ...settingsFor(algorithm) });
    keys = keyCommands(app.config.jwt);
    own = app.app.get(TokenKeys).ring.signing.id;
  });
  afterAll(() => app.close());

  it('answers repeats whose successor was sealed with an earlier key', async () => {
    const user = await app.newLogin();
    const { body } = await refreshAt(app, user.refresh);
    await use(await add());
    const again = await refreshAt(app, user.refresh);
    expect([again.status, again.body.refresh_token]).toEqual([200, body.refresh_token]);
    await use(own);
  });

  it('answers a repeat with 503, and ends no session, if the key of its successor was retired', async () => {
    const user = await app.newLogin();
    const gone = await add();
    await use(gone);
    const { body } = await refreshAt(app, user.refresh);
    await use(own);
    await keys.retire(gone);
    await sleep(120);
    const { status, headers, body: refused } = await refreshAt(app, user.refresh);
    expect([status, refused]).toEqual([
      503,
      {
        statusCode: 503,
        code: 'service_unavailable',
        error: 'Service Unavailable',
        request_id: expect.any(String),
      },
    ]);
    const retryAfter = Number(headers.get('retry-after'));
    expect(retryAfter).toBeGreaterThanOrEqual(1);
    expect(retryAfter).toBeLessThanOrEqual(30);
    expect((await rowOf(app, user.refresh)).endedAt).toBeNull();
    expect((await app.get('/auth/me', { token: user.access })).status).toBe(200);
    // A repeat from elsewhere is still treated as theft.
    expect((await refreshAt(app, user.refresh, abroad, 'curl/8')).status).toBe(401);
    expect((await app.get('/auth/me', { token: user.access })).body).toEqual(revoked);
    expect(body.refresh_token).toBeDefined();
  });

  it('unseals with a retired key as long as it is configured', async () => {
    const next = await add();
    await use(next);
    const user = await app.newLogin();
    await use(own);
    const { body } = await refreshAt(app, user.refresh);
    await use(next);
    await keys.retire(own);
    await sleep(120);
    const again = await refreshAt(app, user.refresh);
    expect([again.status, again.body.refresh_token]).toEqual([200, body.refresh_token]);
  });
});
