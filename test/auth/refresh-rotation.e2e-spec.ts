import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import jsonwebtoken from 'jsonwebtoken';
import { SessionRepository } from '../../src/sessions/session.repository.js';
import { Session } from '../../src/sessions/session.entity.js';
import { TokenService } from '../../src/tokens/token.service.js';
import type { Claims } from '../../src/tokens/token.js';
import { PasswordHasher } from '../../src/passwords/password-hasher.js';
import { UserRolesService } from '../../src/users/roles/user-roles.service.js';
import type { Answer, Client, LoggedIn } from '../support/client.js';
import { settingsFor } from '../support/key-material.js';
import { ServiceProcess } from '../support/process.js';
import { bootApp, SECRET, type TestApp } from '../support/test-app.js';
import { createDatabase, holdWrites } from '../support/test-database.js';
import { freezeTime } from '../support/time.js';

interface Pair {
  access_token: string;
  refresh_token: string;
}

const claimsOf = (token: string) => jsonwebtoken.decode(token) as Claims;
const refresh = (client: Client, token: string) =>
  client.send<Pair>('POST', '/auth/refresh', { token });
const me = (client: Client, token: string) => client.get('/auth/me', { token });
const revoked = {
  statusCode: 401,
  code: 'token_revoked',
  error: 'Token has been revoked',
};

/** Withholds the result of the next call of a provider's method until it is released. */
function holdAfter(provider: object, method: string) {
  const target = provider as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const original = target[method]!.bind(target);
  const gate = new EventEmitter();
  const [reached, released] = [once(gate, 'reached'), once(gate, 'released')];
  jest.spyOn(target, method).mockImplementationOnce(async (...args) => {
    const result = await original(...args);
    gate.emit('reached');
    await released;
    return result;
  });
  return { reached, release: () => gate.emit('released') };
}

describe('POST /auth/refresh', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootApp();
  });
  afterAll(() => app.close());
  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  const sessionOf = (user: LoggedIn) =>
    app.sql((manager) => manager.findOneByOrFail(Session, { subject: String(user.id) }));
  const expectEnded = async (user: LoggedIn, ...tokens: string[]) => {
    for (const token of [user.access, ...tokens]) {
      const { status, body } = await me(app, token);
      expect([status, body]).toEqual([401, revoked]);
    }
    expect((await sessionOf(user)).endedAt).not.toBeNull();
  };

  it('rotates the refresh token with each refresh', async () => {
    const user = await app.newLogin();
    const seen = [user.refresh];
    for (let i = 0; i < 3; i++) {
      const { status, body } = await refresh(app, seen.at(-1)!);
      expect(status).toBe(200);
      expect(seen).not.toContain(body.refresh_token);
      expect(claimsOf(body.refresh_token).sid).toBe(claimsOf(user.refresh).sid);
      expect((await me(app, body.access_token)).status).toBe(200);
      seen.push(body.refresh_token);
    }
  });

  it('returns the same successor, byte for byte, for a token that was just rotated', async () => {
    freezeTime(Date.now());
    const user = await app.newLogin();
    const first = (await refresh(app, user.refresh)).body;
    freezeTime(Date.now() + 29_999);
    const second = await refresh(app, user.refresh);
    expect(second.status).toBe(200);
    expect(second.body.refresh_token).toBe(first.refresh_token);
    expect(second.body.access_token).not.toBe(first.access_token);
    expect((await me(app, second.body.access_token)).status).toBe(200);
    expect(claimsOf(second.body.access_token).fresh).toBe(false);
    const third = await refresh(app, first.refresh_token);
    expect(third.status).toBe(200);
  });

  it('returns the same successor even if no two signatures are the same', async () => {
    const other = await bootApp(settingsFor('ES256'));
    const user = await other.newLogin();
    const answers = [await refresh(other, user.refresh), await refresh(other, user.refresh)];
    expect(answers[1]!.body.refresh_token).toBe(answers[0]!.body.refresh_token);
    await other.close();
  });

  it('ends the session for a token that was rotated more than 30 seconds ago', async () => {
    freezeTime(Date.now());
    const user = await app.newLogin();
    const { body } = await refresh(app, user.refresh);
    freezeTime(Date.now() + 30_001);
    const again = await refresh(app, user.refresh);
    expect([again.status, again.body]).toEqual([401, revoked]);
    expect(again.headers.get('www-authenticate')).toContain('error="invalid_token"');
    await expectEnded(user, body.access_token);
    expect((await refresh(app, body.refresh_token)).body).toEqual(revoked);
  });

  it('ends the session for a token whose successor was rotated', async () => {
    const user = await app.newLogin();
    const second = (await refresh(app, user.refresh)).body;
    const third = (await refresh(app, second.refresh_token)).body;
    expect((await refresh(app, user.refresh)).body).toEqual(revoked);
    await expectEnded(user, second.access_token, third.access_token);
    expect((await refresh(app, third.refresh_token)).body).toEqual(revoked);
  });

  it('ends no other session than that of the repeated token', async () => {
    const user = await app.newLogin();
    const other = await app.login(user);
    await refresh(app, (await refresh(app, user.refresh)).body.refresh_token);
    expect((await refresh(app, user.refresh)).status).toBe(401);
    expect((await me(app, other.access)).status).toBe(200);
    expect((await refresh(app, other.refresh)).status).toBe(200);
  });

  it('stores nothing in the database that reveals a refresh token', async () => {
    const user = await app.newLogin();
    const { body } = await refresh(app, user.refresh);
    const rows = await app.sql((manager) => manager.query<object[]>('SELECT * FROM sessions'));
    const dump = JSON.stringify(rows);
    expect(dump).toContain(claimsOf(user.refresh).sid);
    for (const token of [user.refresh, body.refresh_token, user.access]) {
      const parts = [token, ...token.split('.'), claimsOf(token).jti];
      for (const part of parts) expect(dump).not.toContain(part);
    }
  });

  it('rotates once for fifty concurrent refreshes with one token', async () => {
    const user = await app.newLogin();
    const answers = await Promise.all(Array.from({ length: 50 }, () => refresh(app, user.refresh)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const successors = new Set(answers.map(({ body }) => body.refresh_token));
    expect(successors.size).toBe(1);
    for (const { body } of answers) expect((await me(app, body.access_token)).status).toBe(200);
    expect((await refresh(app, [...successors][0]!)).status).toBe(200);
  });

  it('returns a refresh token without a session unchanged', async () => {
    const { id } = await app.newUser();
    const { signed } = await app.app.get(TokenService).createRefreshToken(String(id));
    const { status, body } = await refresh(app, signed);
    expect([status, body.refresh_token]).toEqual([200, signed]);
    expect((await me(app, body.access_token)).status).toBe(200);
  });

  it('refreshes a session that was opened before rotation was introduced', async () => {
    const user = await app.newLogin();
    const subject = String(user.id);
    await app.sql((manager) => manager.update(Session, { subject }, { currentToken: null }));
    const { status, body } = await refresh(app, user.refresh);
    expect(status).toBe(200);
    expect((await refresh(app, user.refresh)).body.refresh_token).toBe(body.refresh_token);
    expect((await refresh(app, body.refresh_token)).status).toBe(200);
    expect((await refresh(app, user.refresh)).body).toEqual(revoked);
  });

  it('refuses a rotated token if its row holds the sealed successor of another token', async () => {
    const [user, other] = [await app.newLogin(), await app.newLogin()];
    const secret = (await refresh(app, other.refresh)).body.refresh_token;
    await refresh(app, user.refresh);
    const { successor } = await sessionOf(other);
    expect(successor).not.toBeNull();
    const { id } = await sessionOf(user);
    await app.sql((manager) => manager.update(Session, { id }, { successor }));
    const { status, text } = await refresh(app, user.refresh);
    expect(status).toBe(401);
    expect(text).not.toContain(secret);
  });

  it('keeps the scope of the access token of the login', async () => {
    const admin = await app.newUser();
    await app.app.get(UserRolesService).setRole(admin.name, 'admin', true);
    const { access, refresh: first } = await app.login(admin);
    expect(claimsOf(access).scope).toEqual({ admin: true });
    const { body } = await refresh(app, first);
    const repeated = await refresh(app, first);
    const second = await refresh(app, body.refresh_token);
    const { signed } = await app.app.get(TokenService).createRefreshToken(String(admin.id));
    for (const answer of [body, repeated.body, second.body, (await refresh(app, signed)).body]) {
      expect(claimsOf(answer.access_token).scope).toEqual({ admin: true });
    }
  });

  it('refuses a rotated token outside of /auth/refresh', async () => {
    const user = await app.newLogin();
    const verify = (token: string) => app.app.get(TokenService).verify(token, { type: 'refresh' });
    await verify(user.refresh);
    const { body } = await refresh(app, user.refresh);
    await expect(verify(user.refresh)).rejects.toMatchObject({ code: 'token_revoked' });
    await verify(body.refresh_token);
  });
});

describe('REFRESH_GRACE=0', () => {
  it('ends the session for a rotated token, however soon it is repeated', async () => {
    const app = await bootApp({ REFRESH_GRACE: '0' });
    const user = await app.newLogin();
    const { body } = await refresh(app, user.refresh);
    expect((await refresh(app, user.refresh)).body).toEqual(revoked);
    expect((await me(app, body.access_token)).body).toEqual(revoked);
    await app.close();
  });
});

describe('REFRESH_ROTATION=false', () => {
  it('returns an access token only, and rotates nothing', async () => {
    const app = await bootApp({ REFRESH_ROTATION: 'false' });
    const user = await app.newLogin();
    for (let i = 0; i < 2; i++) {
      const { status, body } = await refresh(app, user.refresh);
      expect([status, body]).toEqual([
        200,
        { access_token: expect.any(String), token_type: 'Bearer', expires_in: 900 },
      ]);
      expect((await me(app, body.access_token)).status).toBe(200);
    }
    const { paths } = (await app.get('/docs/openapi.json')).body as {
      paths: Record<string, { post: { responses: Record<string, object> } }>;
    };
    expect(JSON.stringify(paths['/auth/refresh']!.post.responses['200'])).toContain(
      '/AccessTokenResponse"',
    );
    await app.close();
  });

  it('keeps the scope of the access token of the login without rotation', async () => {
    const app = await bootApp({ REFRESH_ROTATION: 'false' });
    const admin = await app.newUser();
    await app.app.get(UserRolesService).setRole(admin.name, 'admin', true);
    const { body } = await refresh(app, (await app.login(admin)).refresh);
    expect(claimsOf(body.access_token).scope).toEqual({ admin: true });
    await app.close();
  });

  it('issues no access token that outlives the refresh token', async () => {
    const app = await bootApp({ REFRESH_ROTATION: 'false' });
    const user = await app.newLogin();
    const { exp } = claimsOf(user.refresh);
    freezeTime((exp - 60) * 1000);
    const { body } = await refresh(app, user.refresh);
    expect(claimsOf(body.access_token).exp).toBe(exp);
    jest.useRealTimers();
    await app.close();
  });

  it('refuses a token that was rotated before rotation was disabled', async () => {
    const rotating = await bootApp();
    const user = await rotating.newLogin();
    const { body } = await refresh(rotating, user.refresh);
    const app = await rotating.restart({ REFRESH_ROTATION: 'false' });
    expect((await refresh(app, user.refresh)).body).toEqual(revoked);
    expect((await refresh(app, body.refresh_token)).status).toBe(200);
    await app.close();
  });
});

describe('Two instances on one database', () => {
  let one: TestApp;
  let two: TestApp;
  let user: LoggedIn;

  beforeAll(async () => {
    one = await bootApp();
    two = await bootApp({}, { database: one.database });
  });
  afterAll(async () => {
    await two.app.close();
    await one.close();
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const tokens = () => one.app.get(TokenService);
  const newPassword = 'another password';
  const changePassword = (client: Client, token: string, current = 'a password') =>
    client.send<Pair>('POST', '/auth/password', {
      token,
      json: { current_password: current, new_password: newPassword },
    });
  const expectRefused = async (answer: Answer<Pair>, ...more: string[]) => {
    expect([answer.status, answer.body]).toEqual([401, revoked]);
    for (const token of more) {
      for (const client of [one, two]) expect((await me(client, token)).body).toEqual(revoked);
    }
  };

  it('refuses a refresh if a concurrent logout ended the session', async () => {
    user = await one.newLogin();
    const held = holdAfter(tokens(), 'createRefreshToken');
    const refreshing = refresh(one, user.refresh);
    await held.reached;
    const logout = await two.send('DELETE', '/auth/logout2', { token: user.refresh });
    expect(logout.status).toBe(200);
    held.release();
    await expectRefused(await refreshing, user.access);
  });

  it('ends the tokens of a concurrent refresh at a logout', async () => {
    user = await one.newLogin();
    const verified = holdAfter(tokens(), 'verify');
    const logout = one.send('DELETE', '/auth/logout2', { token: user.refresh });
    await verified.reached;
    const { status, body } = await refresh(two, user.refresh);
    expect(status).toBe(200);
    verified.release();
    expect((await logout).status).toBe(200);
    await expectRefused(await refresh(two, body.refresh_token), body.access_token, user.access);
  });

  it('refuses a refresh in another session if the password changes concurrently', async () => {
    user = await one.newLogin();
    const other = await one.login(user);
    const held = holdAfter(tokens(), 'createRefreshToken');
    const refreshing = refresh(one, other.refresh);
    await held.reached;
    const changed = await changePassword(two, user.access);
    expect(changed.status).toBe(200);
    held.release();
    await expectRefused(await refreshing, other.access);
    expect((await refresh(one, changed.body.refresh_token)).status).toBe(200);
  });

  it('ends all tokens that were refreshed while the new password was hashed', async () => {
    user = await one.newLogin();
    const other = await one.login(user);
    const hashed = holdAfter(one.app.get(PasswordHasher, { strict: false }), 'hash');
    const change = changePassword(one, user.access);
    await hashed.reached;
    const { status, body } = await refresh(two, other.refresh);
    expect(status).toBe(200);
    const own = await refresh(two, user.refresh);
    hashed.release();
    const changed = await change;
    expect(changed.status).toBe(200);
    for (const earlier of [body, own.body]) {
      await expectRefused(await refresh(two, earlier.refresh_token), earlier.access_token);
    }
    expect((await refresh(two, changed.body.refresh_token)).status).toBe(200);
  });

  it('changes the password once for two sessions that request it concurrently', async () => {
    user = await one.newLogin();
    const other = await one.login(user);
    const verified = [one, two].map(({ app }) =>
      holdAfter(app.get(PasswordHasher, { strict: false }), 'hash'),
    );
    const changes = [changePassword(one, user.access), changePassword(two, other.access)];
    await Promise.all(verified.map(({ reached }) => reached));
    for (const { release } of verified) release();
    const statuses = (await Promise.all(changes)).map(({ status }) => status);
    // The slower request finds a changed password or an ended session.
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 400 || status === 401)).toHaveLength(1);
    await one.login({ name: user.name, password: newPassword });
  });

  it('detects theft if the successor is rotated concurrently', async () => {
    user = await one.newLogin();
    const held = holdAfter(tokens(), 'createRefreshToken');
    const late = refresh(one, user.refresh);
    await held.reached;
    const second = (await refresh(two, user.refresh)).body;
    const third = (await refresh(two, second.refresh_token)).body;
    held.release();
    await expectRefused(await late, second.access_token, third.access_token);
  });

  it('returns the successor of the faster refresh to the slower one', async () => {
    user = await one.newLogin();
    const held = holdAfter(tokens(), 'createRefreshToken');
    const slow = refresh(one, user.refresh);
    await held.reached;
    const fast = await refresh(two, user.refresh);
    held.release();
    const { status, body } = await slow;
    expect([status, body.refresh_token]).toEqual([200, fast.body.refresh_token]);
  });

  it('rotates nothing if the new refresh token cannot be issued', async () => {
    user = await one.newLogin();
    jest.spyOn(tokens(), 'createRefreshToken').mockRejectedValueOnce(new Error('a hook says no'));
    expect((await refresh(one, user.refresh)).status).toBe(500);
    const subject = String(user.id);
    const { rotatedToken } = await one.sql((manager) =>
      manager.findOneByOrFail(Session, { subject }),
    );
    expect(rotatedToken).toBeNull();
    expect((await refresh(one, user.refresh)).status).toBe(200);
  });

  it('ends the session of a repeated token after a failure to end it', async () => {
    user = await one.newLogin();
    const second = (await refresh(one, user.refresh)).body;
    await refresh(one, second.refresh_token);
    jest.spyOn(one.app.get(SessionRepository), 'end').mockRejectedValueOnce(new Error('no disk'));
    // The response does not claim that the session ended.
    expect((await refresh(one, user.refresh)).status).toBe(500);
    expect((await refresh(one, user.refresh)).status).toBe(401);
    expect((await me(two, second.access_token)).body).toEqual(revoked);
  });
});

describe('Two processes on one database', () => {
  it('rotates once for concurrent refreshes, and ends all tokens at a logout or a new password', async () => {
    const database = await createDatabase();
    const settings = { ...database.settings, JWT_SECRET_KEY: SECRET };
    const services = [ServiceProcess.spawn(settings)];
    const one = await services[0]!.client();
    services.push(ServiceProcess.spawn(settings));
    const clients = [one, await services[1]!.client()];
    const user = await one.newUser();
    const login = () => one.login(user);
    const everywhere = (token: string) =>
      Promise.all(Array.from({ length: 50 }, (_, i) => refresh(clients[i % 2]!, token)));

    const pair = await login();
    const answers = await everywhere(pair.refresh);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const successors = new Set(answers.map(({ body }) => body.refresh_token));
    expect(successors.size).toBe(1);
    const [successor = ''] = successors;

    const expectEnded = async (token: string, end: () => Promise<Answer>, status: number) => {
      // All requests have begun before any of them may write.
      const release = await holdWrites(database);
      const racing = Array.from({ length: 10 }, (_, i) => refresh(clients[i % 2]!, token));
      const ending = end();
      racing.push(...Array.from({ length: 10 }, (_, i) => refresh(clients[i % 2]!, token)));
      await sleep(400);
      await release();
      expect((await ending).status).toBe(status);
      for (const answer of await Promise.all(racing)) {
        if (answer.status !== 200) expect(answer.body).toEqual(revoked);
        const { access_token = pair.access, refresh_token = token } = answer.body;
        for (const client of clients) {
          expect((await me(client, access_token)).body).toEqual(revoked);
          expect((await refresh(client, refresh_token)).body).toEqual(revoked);
        }
      }
    };
    const logout = () => clients[1]!.send('DELETE', '/auth/logout2', { token: successor });
    await expectEnded(successor, logout, 200);

    const [changing, other] = [await login(), await login()];
    const json = { current_password: user.password, new_password: 'another password' };
    const change = () =>
      clients[0]!.send('POST', '/auth/password', { token: changing.access, json });
    await expectEnded(other.refresh, change, 200);
    expect((await refresh(clients[1]!, changing.refresh)).body).toEqual(revoked);

    await Promise.all(services.map((service) => service.kill('SIGKILL')));
    await database.drop();
  }, 60_000);
});
