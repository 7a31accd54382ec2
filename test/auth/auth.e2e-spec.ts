import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import jsonwebtoken from 'jsonwebtoken';
import { ExpiryService } from '../../src/sessions/expiry.service.js';
import { RevokedToken } from '../../src/sessions/revoked-token.entity.js';
import { Session } from '../../src/sessions/session.entity.js';
import { TokenStateRepository } from '../../src/sessions/token-state.repository.js';
import { TokenService } from '../../src/tokens/token.service.js';
import { type Claims, RESERVED_CLAIMS } from '../../src/tokens/token.js';
import { UserRolesService } from '../../src/users/roles/user-roles.service.js';
import { User } from '../../src/users/user.entity.js';
import { freezeTime } from '../support/time.js';
import { bootApp, type TestApp } from '../support/test-app.js';

const claimsOf = (token: string) => jsonwebtoken.decode(token) as Claims;
/** The claims that this service sets itself, without those that a hook of the project adds. */
const reservedClaimsOf = (token: string) =>
  Object.fromEntries(
    Object.entries(claimsOf(token)).filter(([name]) => RESERVED_CLAIMS.includes(name)),
  ) as Claims;

describe('Authentication', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootApp();
  });
  afterAll(() => app.close());
  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  it('ignores a malformed forwarded address, and counts IPv6 clients by /64', async () => {
    const other = await bootApp({ AUTH_RATE_LIMIT: '2', TRUST_PROXY: '127.0.0.1' });
    const json = { username: 'user', password: 'password' };
    const from = (address: string) =>
      other.send('POST', '/auth/login', { json, headers: { 'x-forwarded-for': address } });
    expect((await from('g'.repeat(200))).status).toBe(200);
    expect((await from('1.2.3.4.5')).status).toBe(200);
    expect((await from('::::')).status).toBe(429);
    // An IPv6 client usually has a whole /64.
    const v6 = ['2001:db8:0:1::1', '2001:DB8:0:1:ffff::2', '2001:db8::1:0:0:0:3'];
    const statuses = [];
    for (const address of v6) statuses.push((await from(address)).status);
    expect(statuses).toEqual([200, 200, 429]);
    expect((await from('2001:db8:0:2::1')).status).toBe(200);
    expect((await from('::ffff:203.0.113.9')).status).toBe(200);
    await other.close();
  });

  const login = (json: unknown) => app.send('POST', '/auth/login', { json });
  const refresh = (token: string) => app.send('POST', '/auth/refresh', { token });
  const me = (token: string) => app.get('/auth/me', { token });

  describe('POST /auth/login', () => {
    it('returns a pair of tokens, and forbids caching', async () => {
      const { status, body, headers } = await login({ username: 'user', password: 'password' });
      expect(status).toBe(200);
      expect(body).toEqual({
        access_token: expect.any(String),
        refresh_token: expect.any(String),
        token_type: 'Bearer',
        expires_in: 900,
      });
      expect(headers.get('cache-control')).toBe('no-store');
    });

    it('issues tokens with every documented claim', async () => {
      const before = Math.floor(Date.now() / 1000);
      const { access, refresh } = await app.newLogin();
      const accessClaims = reservedClaimsOf(access);
      expect(accessClaims).toEqual({
        sub: expect.stringMatching(/^\d+$/),
        sid: expect.stringMatching(/^[0-9a-f-]{36}$/),
        jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
        type: 'access',
        iat: expect.any(Number),
        nbf: accessClaims.iat,
        exp: accessClaims.iat + 15 * 60,
        fresh: true,
        scope: {},
        rv: 0,
      });
      expect(accessClaims.iat).toBeGreaterThanOrEqual(before);
      const refreshClaims = reservedClaimsOf(refresh);
      expect(refreshClaims).toEqual({
        sub: accessClaims.sub,
        sid: accessClaims.sid,
        jti: expect.any(String),
        type: 'refresh',
        iat: accessClaims.iat,
        nbf: accessClaims.iat,
        exp: accessClaims.iat + 30 * 24 * 3600,
      });
      expect(refreshClaims.jti).not.toBe(accessClaims.jti);
    });

    it('opens a session for each login, with the address and the user agent of the client', async () => {
      const user = await app.newUser();
      const headers = { 'user-agent': 'a test/1.0' };
      const json = { username: user.name, password: user.password };
      await app.send('POST', '/auth/login', { json, headers });
      await app.send('POST', '/auth/login', { json });
      const subject = String(user.id);
      const sessions = await app.sql((manager) => manager.findBy(Session, { subject }));
      expect(sessions).toHaveLength(2);
      expect(sessions.map(({ agent }) => agent)).toContain('a test/1.0');
      for (const session of sessions) {
        expect(session.ip).toBe('127.0.0.1');
        expect(session.endedAt).toBeNull();
        // Both databases return timestamps as numbers.
        expect(session.expiresAt - session.createdAt).toBe(30 * 24 * 3600 * 1000);
      }
    });

    it('issues an access token with the admin scope to an administrator', async () => {
      const user = await app.newUser();
      await app.app.get(UserRolesService, { strict: false }).setRole(user.name, 'admin', true);
      const { access } = await app.login(user);
      expect(claimsOf(access).scope).toEqual({ admin: true });
      expect((await me(access)).body.admin).toBe(true);
    });

    it.each([
      [{}],
      [{ username: 'user' }],
      [{ password: 'password' }],
      [{ username: '', password: 'password' }],
      [{ username: 'user', password: null }],
    ])('refuses %j, which lacks the username or the password', async (json) => {
      const { status, body } = await login(json);
      expect(status).toBe(400);
      expect(body).toMatchObject({
        code: 'credentials_missing',
        message: 'Username or password missing.',
      });
    });

    it.each([
      [[], { _schema: ['Invalid input type.'] }],
      [{ username: 1, password: 'x' }, { username: ['Not a valid string.'] }],
      [{ username: 'user', password: ['x'] }, { password: ['Not a valid string.'] }],
      [{ username: 'u\0ser', password: 'x' }, { username: ['Not a valid string.'] }],
    ])('refuses the invalid body %j', async (json, message) => {
      const { status, body } = await login(json);
      expect([status, body.message]).toEqual([400, message]);
    });

    it.each([
      ['{"username":"user","password":"password","remember":true}', 200],
      ['{"grant_type":"x","username":"user","password":"password","scope":{"admin":true}}', 200],
      ['{"username":"user","password":"password","__proto__":{"admin":true},"id":9}', 200],
      ['{"username":"user","password":"wrong","constructor":null}', 401],
      ['{"username":"user","remember":true}', 400],
      ['{"username":"user","password":5,"remember":true}', 400],
    ])('ignores the unknown fields of %s', async (raw, expected) => {
      const { status, body } = await app.send('POST', '/auth/login', { raw });
      expect(status).toBe(expected);
      if (status !== 200) return;
      const { body: user } = await me(String(body.access_token));
      expect([user.id, user.admin]).toEqual([1, false]);
    });

    it('answers a wrong password and an unknown user alike', async () => {
      const unknown = await login({ username: 'no such user', password: 'password' });
      const wrong = await login({ username: 'user', password: 'wrong' });
      expect(unknown.status).toBe(401);
      expect(unknown.body).toEqual({
        statusCode: 401,
        code: 'credentials_invalid',
        error: 'Unauthorized',
        message: 'Username or password invalid.',
      });
      expect([wrong.status, wrong.text]).toEqual([unknown.status, unknown.text]);
      const names = ({ headers }: typeof wrong) => [...headers.keys()].sort();
      expect(names(wrong)).toEqual(names(unknown));
      expect(wrong.headers.get('www-authenticate')).toBe('Bearer realm="api"');
    });

    it('ignores credentials in the query string', async () => {
      const path = '/auth/login?username=user&password=password';
      expect((await app.send('POST', path, { json: {} })).status).toBe(400);
      expect((await app.send('POST', path)).status).toBe(400);
      const json = { username: 'user', password: 'wrong' };
      expect((await app.send('POST', path, { json })).status).toBe(401);
    });

    it('replaces the hash of a password if the hash parameters have changed', async () => {
      const user = await app.newUser();
      const hash = async () => {
        const row = await app.sql((manager) =>
          manager.findOneOrFail(User, { where: { id: user.id }, select: { passwordHash: true } }),
        );
        return row.passwordHash;
      };
      const weak = await hash();
      expect(weak).toMatch(/\$m=64,/);
      app = await app.restart({}, { memoryCost: 128, timeCost: 2, parallelism: 1 });
      // Concurrent logins race to write the new hash.
      await Promise.all(Array.from({ length: 6 }, () => app.login(user)));
      const strong = await hash();
      expect(strong).toMatch(/\$m=128,/);
      await app.login(user);
      expect(await hash()).toBe(strong);
    });
  });

  describe('POST /auth/refresh', () => {
    it('returns a new pair, whose access token is not fresh', async () => {
      const user = await app.newLogin();
      const { status, body, headers } = await refresh(user.refresh);
      expect(status).toBe(200);
      expect(body).toEqual({
        access_token: expect.any(String),
        refresh_token: expect.any(String),
        token_type: 'Bearer',
        expires_in: 900,
      });
      expect(body.refresh_token).not.toBe(user.refresh);
      expect(headers.get('cache-control')).toBe('no-store');
      const token = body.access_token as string;
      expect(token).not.toBe(user.access);
      expect(claimsOf(token)).toMatchObject({
        sub: String(user.id),
        sid: claimsOf(user.access).sid,
        type: 'access',
        fresh: false,
        scope: {},
      });
      expect((await me(token)).status).toBe(200);
      expect((await me(user.access)).status).toBe(200);
    });

    it('records when the session was last used', async () => {
      const user = await app.newLogin();
      freezeTime(Date.now() + 60_000);
      await refresh(user.refresh);
      const session = await app.sql((manager) =>
        manager.findOneByOrFail(Session, { subject: String(user.id) }),
      );
      expect(session.lastUsedAt).toBe(Date.now());
    });

    it('issues no token that outlives the maximum age of the session', async () => {
      const user = await app.newLogin();
      const { iat } = claimsOf(user.refresh);
      let token = user.refresh;
      for (const day of [29, 58, 80]) {
        freezeTime((iat + day * 24 * 3600) * 1000);
        token = (await refresh(token)).body.refresh_token as string;
      }
      const end = iat + 90 * 24 * 3600;
      expect(claimsOf(token).exp).toBe(end);
      freezeTime((end - 60) * 1000);
      const { body } = await refresh(token);
      expect(body.expires_in).toBe(60);
      expect(claimsOf(body.access_token as string).exp).toBe(end);
      expect(claimsOf(body.refresh_token as string).exp).toBe(end);
      freezeTime(end * 1000);
      const late = await refresh(body.refresh_token as string);
      expect([late.status, late.body.code]).toEqual([401, 'token_expired']);
    });

    it('refuses the refresh token of a deleted user', async () => {
      const user = await app.newLogin();
      await app.sql((manager) => manager.delete(User, { id: user.id }));
      const { status, body } = await refresh(user.refresh);
      expect([status, body.code]).toEqual([401, 'token_revoked']);
      expect((await me(user.access)).status).toBe(401);
    });
  });

  describe('DELETE /auth/logout', () => {
    it('revokes the sent access token, and no other', async () => {
      const user = await app.newLogin();
      const other = (await refresh(user.refresh)).body.access_token as string;
      const { status, body } = await app.send('DELETE', '/auth/logout', { token: user.access });
      expect([status, body]).toEqual([200, { message: 'Successfully logged out.' }]);
      const refused = await me(user.access);
      expect(refused.status).toBe(401);
      expect(refused.body).toEqual({
        statusCode: 401,
        code: 'token_revoked',
        error: 'Token has been revoked',
      });
      expect((await me(other)).status).toBe(200);
      expect((await refresh(user.refresh)).status).toBe(200);
    });

    it('revokes no token of another user', async () => {
      const [one, two] = [await app.newLogin(), await app.newLogin()];
      await app.send('DELETE', '/auth/logout', { token: one.access });
      expect((await me(two.access)).status).toBe(200);
    });
  });

  describe('DELETE /auth/logout2', () => {
    it('ends the session with all its tokens, and no other session', async () => {
      const user = await app.newLogin();
      const other = await app.login(user);
      const later = (await refresh(user.refresh)).body.access_token as string;
      const { status, body } = await app.send('DELETE', '/auth/logout2', { token: user.refresh });
      expect([status, body]).toEqual([200, { message: 'Successfully logged out.' }]);
      for (const token of [user.access, later]) {
        expect((await me(token)).body.error).toBe('Token has been revoked');
      }
      const again = await refresh(user.refresh);
      expect([again.status, again.body.error]).toEqual([401, 'Token has been revoked']);
      expect((await me(other.access)).status).toBe(200);
      expect((await refresh(other.refresh)).status).toBe(200);
    });

    it('refuses logged-out tokens also after a restart', async () => {
      const [one, two] = [await app.newLogin(), await app.newLogin()];
      const three = await app.newLogin();
      await app.send('DELETE', '/auth/logout', { token: one.access });
      await app.send('DELETE', '/auth/logout2', { token: two.refresh });
      app = await app.restart();
      expect((await me(one.access)).body.code).toBe('token_revoked');
      expect((await me(two.access)).body.code).toBe('token_revoked');
      expect((await me(three.access)).status).toBe(200);
    });
  });

  it('returns the user of the token at GET /auth/me', async () => {
    const user = await app.newLogin();
    const { status, body, headers } = await me(user.access);
    expect(status).toBe(200);
    expect(body).toEqual({
      id: user.id,
      name: user.name,
      public_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      admin: false,
      roles: [],
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('deletes revoked tokens and ended sessions only after their tokens have expired', async () => {
    const user = await app.newLogin();
    await app.send('DELETE', '/auth/logout', { token: user.access });
    await app.send('DELETE', '/auth/logout2', { token: user.refresh });
    const { jti, sid } = claimsOf(user.access);
    const states = app.app.get(TokenStateRepository);
    const { signal } = new AbortController();
    const left = () =>
      app.sql(async (manager) => [
        await manager.countBy(RevokedToken, { jti }),
        await manager.countBy(Session, { id: sid! }),
      ]);
    await states.removeExpired(Date.now(), signal);
    expect(await left()).toEqual([1, 1]);
    await states.removeExpired(Date.now() + 16 * 60 * 1000, signal);
    expect(await left()).toEqual([0, 1]);
    await states.removeExpired(Date.now() + 31 * 24 * 3600 * 1000, signal);
    expect(await left()).toEqual([0, 0]);
  });

  it('refuses a logged-out token after the clock jumped forward and back', async () => {
    const user = await app.newLogin();
    const bare = await app.app.get(TokenService).createAccessToken(String(user.id));
    for (const token of [user.access, bare.signed]) {
      expect((await app.send('DELETE', '/auth/logout', { token })).status).toBe(200);
    }
    freezeTime(Date.now() + 23 * 3600_000);
    await app.app.get(ExpiryService).removeExpired();
    jest.useRealTimers();
    for (const token of [user.access, bare.signed]) {
      expect((await app.get('/auth/me', { token })).body.code).toBe('token_revoked');
    }
    freezeTime(Date.now() + (24 * 60 + 16) * 60_000);
    await app.app.get(ExpiryService).removeExpired();
    jest.useRealTimers();
    expect(await app.sql((manager) => manager.countBy(RevokedToken, { jti: bare.id }))).toBe(0);
  });

  it('removes 1,200 expired revoked tokens in one run of several batches', async () => {
    const past = Date.now() - 1000;
    const rows = Array.from({ length: 1200 }, (_, i) => ({ jti: `old-${i}`, expiresAt: past }));
    await app.sql((manager) => manager.insert(RevokedToken, rows));
    const { signal } = new AbortController();
    await app.app.get(TokenStateRepository).removeExpired(Date.now(), signal);
    expect(await app.sql((manager) => manager.countBy(RevokedToken, { expiresAt: past }))).toBe(0);
  });

  describe('Authentication settings', () => {
    it('issues and checks the issuer, audience, lifetimes and algorithm of the settings', async () => {
      const other = await bootApp({
        JWT_ISSUER: 'https://issuer.example',
        JWT_AUDIENCE: 'the-api',
        JWT_ALGORITHM: 'HS512',
        JWT_ACCESS_TOKEN_EXPIRES: '30',
        JWT_REFRESHMAXAGE: '604800',
      });
      const { access, refresh } = await other.newLogin();
      expect(jsonwebtoken.decode(access, { complete: true })?.header.alg).toBe('HS512');
      const { iss, aud, iat, exp } = claimsOf(access);
      expect({ iss, aud, lifetime: exp - iat }).toEqual({
        iss: 'https://issuer.example',
        aud: 'the-api',
        lifetime: 1800,
      });
      expect(claimsOf(refresh).exp - claimsOf(refresh).iat).toBe(604_800);
      expect((await other.get('/auth/me', { token: access })).status).toBe(200);
      await other.close();
    });

    it('ends a session at SESSION_MAX_AGE', async () => {
      const other = await bootApp({ SESSION_MAX_AGE: '10m' });
      const { access, refresh } = await other.newLogin();
      const { iat } = claimsOf(access);
      for (const token of [access, refresh]) expect(claimsOf(token).exp - iat).toBe(600);
      await other.close();
    });

    it('limits the logins and registrations of an address per minute', async () => {
      const other = await bootApp({ AUTH_RATE_LIMIT: '3' });
      const json = { username: 'user', password: 'wrong' };
      const attempt = () => other.send('POST', '/auth/login', { json });
      const registration = { name: 'another', password: 'secret' };
      expect((await attempt()).status).toBe(401);
      expect((await other.send('POST', '/auth/login', { json: {} })).status).toBe(400);
      expect((await other.send('POST', '/api/users', { json: registration })).status).toBe(201);
      const { status, body, headers } = await attempt();
      expect([status, body]).toEqual([
        429,
        { statusCode: 429, code: 'too_many_requests', error: 'Too Many Requests' },
      ]);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(60);
      expect((await other.send('POST', '/api/users', { json: registration })).status).toBe(429);
      expect((await other.get('/api/users')).status).toBe(200);
      const now = performance.now.bind(performance);
      jest.spyOn(performance, 'now').mockImplementation(() => now() + 61_000);
      expect((await attempt()).status).toBe(401);
      await other.close();
    });

    it.each([
      ['ignores forwarded addresses without TRUST_PROXY', {}, 429],
      ['uses the forwarded addresses of a trusted proxy', { TRUST_PROXY: '127.0.0.0/8' }, 401],
      [
        'ignores the forwarded addresses of a proxy that is not trusted',
        { TRUST_PROXY: '10.0.0.1' },
        429,
      ],
    ])('%s', async (_, env, expected) => {
      const other = await bootApp({ AUTH_RATE_LIMIT: '1', ...env });
      const json = { username: 'user', password: 'wrong' };
      const from = (address: string) =>
        other.send('POST', '/auth/login', { json, headers: { 'x-forwarded-for': address } });
      expect((await from('203.0.113.1')).status).toBe(401);
      expect((await from('203.0.113.2')).status).toBe(expected);
      await other.close();
    });
  });
});
