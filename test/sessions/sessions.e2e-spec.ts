import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import jsonwebtoken from 'jsonwebtoken';
import { SessionActivityService } from '../../src/sessions/session-activity.service.js';
import { SessionRepository } from '../../src/sessions/session.repository.js';
import { AuditService } from '../../src/audit/audit.service.js';
import { Session } from '../../src/sessions/session.entity.js';
import { TokenService } from '../../src/tokens/token.service.js';
import type { Claims } from '../../src/tokens/token.js';
import type { LoggedIn } from '../support/client.js';
import { bootApp, type TestApp } from '../support/test-app.js';
import { freezeTime } from '../support/time.js';

interface SessionBody {
  id: string;
  created_at: string;
  last_used_at: string;
  expires_at: string;
  user_agent: string | null;
  ip: string | null;
  current: boolean;
}

const missing = { statusCode: 404, code: 'not_found', error: 'Not Found' };

describe('Sessions', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootApp();
  });
  afterAll(() => app.close());
  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  const list = async (token: string) =>
    (await app.get<SessionBody[]>('/auth/sessions', { token })).body;
  const end = (token: string, id: string) => app.send('DELETE', `/auth/sessions/${id}`, { token });
  const works = async (token: string) => (await app.get('/auth/me', { token })).status === 200;
  const sidOf = (token: string) => (jsonwebtoken.decode(token) as { sid: string }).sid;
  const lastUseOf = async (token: string) => {
    const id = sidOf(token);
    return (await app.sql((manager) => manager.findOneByOrFail(Session, { id }))).lastUsedAt;
  };
  const current = async (token: string) => (await list(token)).find((each) => each.current)!;

  it('lists sessions to their user, with their address and user agent', async () => {
    freezeTime(new Date('2026-11-22T08:20:30.400Z'));
    const user = await app.newUser();
    const json = { username: user.name, password: user.password };
    const headers = { 'user-agent': 'a test/1.0' };
    const { body } = await app.send<Record<string, string>>('POST', '/auth/login', {
      json,
      headers,
    });
    const answer = await app.get('/auth/sessions', { token: body.access_token! });
    expect([answer.status, answer.body]).toEqual([
      200,
      [
        {
          id: expect.stringMatching(/^[\da-f-]{36}$/),
          created_at: '2026-11-22T08:20:30.400Z',
          last_used_at: '2026-11-22T08:00:00.000Z',
          expires_at: '2026-12-23T00:00:00.000Z',
          user_agent: 'a test/1.0',
          ip: '127.0.0.1',
          current: true,
        },
      ],
    ]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('lists active sessions, the last used first, with the last use to the hour', async () => {
    freezeTime(new Date('2026-11-22T08:10:00Z'));
    const user = await app.newLogin();
    const logins = [];
    for (let i = 0; i < 3; i++) {
      freezeTime(Date.now() + 1000);
      logins.push(await app.login(user));
    }
    await app.send('DELETE', '/auth/logout2', { token: logins[0]!.refresh });
    freezeTime(new Date('2026-11-22T09:00:00Z'));
    await app.send('POST', '/auth/refresh', { token: user.refresh });
    await app.app.get(SessionActivityService).write();
    const { access } = await app.login(user);
    const sessions = await list(access);
    const idsOf = (tokens: string[]) => tokens.map((token) => sidOf(token));
    expect(sessions.map(({ id }) => id)).toEqual(
      idsOf([access, user.access, logins[2]!.access, logins[1]!.access]),
    );
    freezeTime(Date.now() + 31 * 24 * 3600 * 1000);
    expect(await list((await app.login(user)).access)).toHaveLength(1);
  });

  it('shows the same sessions before and after a refresh in the same hour', async () => {
    freezeTime(new Date('2026-11-22T08:10:00Z'));
    const user = await app.newLogin();
    const others = [await app.login(user), await app.login(user)];
    const before = await list(user.access);
    freezeTime(new Date('2026-11-22T08:20:00Z'));
    for (const { refresh } of [user, ...others]) {
      expect((await app.send('POST', '/auth/refresh', { token: refresh })).status).toBe(200);
      expect(await list(user.access)).toEqual(before);
    }
  });

  it('does not list or end another user’s sessions', async () => {
    const [leia, luke] = [await app.newLogin(), await app.newLogin()];
    const { id } = await current(leia.access);
    expect((await list(luke.access)).map((each) => each.id)).not.toContain(id);
    for (const target of [id, id.toUpperCase(), 'x', '1', "' OR 1=1 --", '%00']) {
      const { status, body } = await end(luke.access, encodeURI(target));
      expect([target, status, body]).toEqual([target, 404, missing]);
    }
    expect(await works(leia.access)).toBe(true);
  });

  it('ends any session of the user by its id', async () => {
    const user = await app.newLogin();
    const other = await app.login(user);
    const { id } = await current(other.access);
    const { status, text } = await end(user.access, id);
    expect([status, text]).toEqual([204, '']);
    expect(await works(other.access)).toBe(false);
    expect((await app.send('POST', '/auth/refresh', { token: other.refresh })).status).toBe(401);
    expect((await end(user.access, id)).body).toEqual(missing);
    expect((await end(user.access, (await current(user.access)).id)).status).toBe(204);
    expect(await works(user.access)).toBe(false);
  });

  it('ends all sessions except the current one at DELETE /auth/sessions', async () => {
    const user = await app.newLogin();
    const others = [await app.login(user), await app.login(user)];
    const stranger = await app.newLogin();
    const { status } = await app.send('DELETE', '/auth/sessions', { token: user.access });
    expect(status).toBe(204);
    for (const { access } of others) expect(await works(access)).toBe(false);
    expect(await works(user.access)).toBe(true);
    expect(await works(stranger.access)).toBe(true);
    expect(await list(user.access)).toHaveLength(1);
  });

  it('lets a token from a refresh end only its own session', async () => {
    const user = await app.newLogin();
    const other = await app.login(user);
    const { body } = await app.send<Record<string, string>>('POST', '/auth/refresh', {
      token: user.refresh,
    });
    const token = body.access_token!;
    const due = { statusCode: 401, code: 'fresh_token_required', error: 'Fresh token required' };
    const refused = [
      await app.send('DELETE', '/auth/sessions', { token }),
      await end(token, sidOf(other.access)),
      await end(token, 'x'),
    ];
    for (const answer of refused) {
      expect([answer.status, answer.body]).toEqual([401, due]);
      expect(answer.headers.get('www-authenticate')).toContain('Bearer');
    }
    expect(await works(other.access)).toBe(true);
    expect((await end(token, sidOf(token))).status).toBe(204);
    expect(await works(token)).toBe(false);
    expect(await works(other.access)).toBe(true);
  });

  it('records the last use of a session without a write for each request', async () => {
    freezeTime(Date.now());
    const user = await app.newLogin();
    const writes = jest.spyOn(app.app.get(SessionRepository), 'recordUses');
    freezeTime(Date.now() + 60_000);
    const used = Date.now();
    for (let i = 0; i < 5; i++) await app.get('/auth/me', { token: user.access });
    expect(writes).not.toHaveBeenCalled();
    freezeTime(Date.now() + 20_000);
    await app.app.get(SessionActivityService).write();
    expect(writes).toHaveBeenCalledTimes(1);
    expect(await lastUseOf(user.access)).toBe(used);
  });

  it('keeps the last use over a restart and a failure of the database', async () => {
    freezeTime(Date.now());
    const user = await app.newLogin();
    const failing = jest.spyOn(app.app.get(SessionRepository), 'recordUses');
    failing.mockRejectedValueOnce(new Error('no disk'));
    await app.get('/auth/me', { token: user.access });
    await expect(app.app.get(SessionActivityService).write()).rejects.toThrow('no disk');
    freezeTime(Date.now() + 60_000);
    const used = Date.now();
    await app.get('/auth/me', { token: user.access });
    app = await app.restart();
    expect(await lastUseOf(user.access)).toBe(used);
  });

  it('writes the uses of ten thousand sessions in batches of a hundred', async () => {
    const write = jest.spyOn(app.app.get(SessionRepository), 'recordUses').mockResolvedValue();
    const activity = app.app.get(SessionActivityService);
    await activity.write();
    write.mockClear();
    for (let i = 0; i < 10_000; i++) activity.record(`session-${i}`);
    await activity.write();
    expect(write).toHaveBeenCalledTimes(100);
    for (const [uses] of write.mock.calls) expect(uses).toHaveLength(100);
  });
});

describe('POST /auth/password', () => {
  let app: TestApp;
  let user: LoggedIn;

  beforeAll(async () => {
    app = await bootApp();
  });
  afterAll(() => app.close());

  const change = (token: string, json: unknown) =>
    app.send('POST', '/auth/password', { token, json });
  const passwords = { current_password: 'a password', new_password: 'another password' };

  it('opens a new session, and ends every earlier one, including that of the caller', async () => {
    user = await app.newLogin();
    const other = await app.login(user);
    const { status, body, headers } = await change(user.access, passwords);
    expect([status, body]).toEqual([
      200,
      {
        access_token: expect.any(String),
        refresh_token: expect.any(String),
        token_type: 'Bearer',
        expires_in: 900,
      },
    ]);
    expect(headers.get('cache-control')).toBe('no-store');
    for (const [method, path, token] of [
      ['GET', '/auth/me', user.access],
      ['POST', '/auth/refresh', user.refresh],
      ['GET', '/auth/me', other.access],
      ['POST', '/auth/refresh', other.refresh],
    ] as const) {
      const refused = await app.send(method, path, { token });
      expect([refused.status, refused.body.code]).toEqual([401, 'token_revoked']);
    }
    const claims = jsonwebtoken.decode(body.access_token as string) as Claims;
    expect([claims.sub, claims.fresh]).toEqual([String(user.id), true]);
    expect(claims.sid).not.toBe((jsonwebtoken.decode(user.access) as Claims).sid);
    const mine = await app.get<SessionBody[]>('/auth/sessions', {
      token: body.access_token as string,
    });
    expect(mine.body.map(({ id, current }) => [id, current])).toEqual([[claims.sid, true]]);
    const refreshed = await app.send('POST', '/auth/refresh', {
      token: body.refresh_token as string,
    });
    expect(refreshed.status).toBe(200);
    await expect(app.login(user)).rejects.toThrow('401');
    await app.login({ name: user.name, password: passwords.new_password });
  });

  it('sets the cookies of the new session with TOKEN_COOKIES', async () => {
    const cookies = await bootApp({ TOKEN_COOKIES: 'true' });
    user = await cookies.newLogin();
    const { status, body, headers } = await cookies.send('POST', '/auth/password', {
      token: user.access,
      json: passwords,
    });
    expect(status).toBe(200);
    const set = headers.getSetCookie().join('\n');
    expect(set).toContain(`access_token_cookie=${String(body.access_token)}`);
    expect(set).toContain(`refresh_token_cookie=${String(body.refresh_token)}`);
    await cookies.close();
  });

  it.each([
    ['a token hook', () => [app.app.get(TokenService), 'createRefreshToken'] as const],
    ['ending the sessions', () => [app.app.get(SessionRepository), 'endAll'] as const],
    ['storing the new session', () => [app.app.get(SessionRepository), 'open'] as const],
    ['the audit trail', () => [app.app.get(AuditService), 'record'] as const],
  ])('leaves everything unchanged if %s fails', async (_, target) => {
    user = await app.newLogin();
    const other = await app.login(user);
    const [provider, method] = target() as unknown as [
      Record<string, () => Promise<never>>,
      string,
    ];
    jest.spyOn(provider, method).mockRejectedValue(new Error('no'));
    expect((await change(user.access, passwords)).status).toBe(500);
    jest.restoreAllMocks();
    await app.login(user);
    for (const { access, refresh } of [user, other]) {
      expect((await app.get('/auth/me', { token: access })).status).toBe(200);
      expect((await app.send('POST', '/auth/refresh', { token: refresh })).status).toBe(200);
    }
  });

  it('requires a token from a login', async () => {
    user = await app.newLogin();
    const { body } = await app.send<Record<string, string>>('POST', '/auth/refresh', {
      token: user.refresh,
    });
    const answer = await change(body.access_token!, passwords);
    expect([answer.status, answer.body.code]).toEqual([401, 'fresh_token_required']);
    await app.login(user);
  });

  it('refuses a wrong current password, and changes nothing', async () => {
    user = await app.newLogin();
    const other = await app.login(user);
    const answer = await change(user.access, { ...passwords, current_password: 'wrong' });
    expect([answer.status, answer.body]).toEqual([
      400,
      {
        statusCode: 400,
        code: 'current_password_wrong',
        error: 'Bad Request',
        message: 'Current password is incorrect.',
      },
    ]);
    await app.login(user);
    expect((await app.get('/auth/me', { token: other.access })).status).toBe(200);
  });

  it.each<[object, Record<string, string[]>]>([
    [
      {},
      {
        current_password: ['Missing data for required field.'],
        new_password: ['Missing data for required field.'],
      },
    ],
    [{ ...passwords, new_password: 'abc' }, { new_password: ['Shorter than minimum length 4.'] }],
    [
      { ...passwords, new_password: 'x'.repeat(129) },
      { new_password: ['Longer than maximum length 128.'] },
    ],
    [{ ...passwords, new_password: 'x\0yz' }, { new_password: ['Not a valid string.'] }],
    [{ ...passwords, admin: true }, { admin: ['Unknown field.'] }],
  ])('refuses %j with field errors', async (json, message) => {
    user = await app.newLogin();
    const { status, body } = await change(user.access, json);
    expect([status, body.code, body.message]).toEqual([400, 'validation_failed', message]);
    await app.login(user);
  });

  it('refuses a token whose subject is not a user', async () => {
    const { signed } = await app.app.get(TokenService).createAccessToken('x', { fresh: true });
    expect((await change(signed, passwords)).body.code).toBe('token_revoked');
  });
});
