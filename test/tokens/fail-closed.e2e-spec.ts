import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { SessionRepository } from '../../src/sessions/session.repository.js';
import { TokenStateRepository } from '../../src/sessions/token-state.repository.js';
import { TokenService } from '../../src/tokens/token.service.js';
import { PasswordHasher } from '../../src/passwords/password-hasher.js';
import { UserRepository } from '../../src/users/user.repository.js';
import { UserRolesService } from '../../src/users/roles/user-roles.service.js';
import type { LoggedIn } from '../support/client.js';
import { crate } from '../support/fixture/crates.js';
import { bootFixtureApp } from '../support/fixture-app.js';
import type { TestApp } from '../support/test-app.js';

describe('Checks that fail', () => {
  let app: TestApp;
  let user: LoggedIn;

  beforeAll(async () => {
    app = await bootFixtureApp();
    user = await app.newLogin();
  });
  afterAll(() => app.close());
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const failure = new Error('the disk is gone');

  it('refuses a token if its revocation cannot be checked', async () => {
    jest.spyOn(app.app.get(TokenStateRepository), 'isActive').mockRejectedValue(failure);
    const { status, text } = await app.send('POST', '/api/crates', {
      token: user.access,
      json: { ...crate, label: 'never' },
    });
    expect(status).toBe(500);
    expect(text).not.toContain('disk');
    jest.restoreAllMocks();
    const { body } = await app.get<{ label: string }[]>('/api/crates?limit=1000');
    expect(body.map(({ label }) => label)).not.toContain('never');
  });

  it('refuses a login if its session cannot be stored', async () => {
    jest.spyOn(app.app.get(SessionRepository), 'open').mockRejectedValue(failure);
    const json = { username: user.name, password: user.password };
    const { status, body } = await app.send('POST', '/auth/login', { json });
    expect(status).toBe(500);
    expect(body).not.toHaveProperty('access_token');
  });

  it('refuses a login whose password was changed while it was verified', async () => {
    jest
      .spyOn(app.app.get(UserRepository, { strict: false }), 'updateIfUnchanged')
      .mockResolvedValue(false);
    const json = { username: user.name, password: user.password };
    const { status, body } = await app.send('POST', '/auth/login', { json });
    expect([status, body.code]).toEqual([401, 'credentials_invalid']);
  });

  it('issues the role that the user has at the end of the login', async () => {
    const someone = await app.newUser();
    const hasher = app.app.get(PasswordHasher, { strict: false });
    const users = app.app.get(UserRolesService, { strict: false });
    const verify = hasher.verify.bind(hasher);
    const administrator = await app.newUser();
    await users.setRole(administrator.name, 'admin', true);
    for (const admin of [true, false]) {
      jest.spyOn(hasher, 'verify').mockImplementationOnce(async (...args) => {
        await users.setRole(someone.name, 'admin', admin);
        return verify(...args);
      });
      const { access: token } = await app.login(someone);
      expect((await app.get('/api/audit', { token })).status).toBe(admin ? 200 : 403);
    }
  });

  it.each([
    ['the other sessions', () => '/auth/sessions'],
    ['another session', (_: LoggedIn, sid: string) => `/auth/sessions/${sid}`],
    ['the user', ({ id }: LoggedIn) => `/api/users/${id}`],
  ])('refuses to delete %s for a session that ended concurrently', async (_, path) => {
    const thief = await app.newLogin();
    const owner = await app.login(thief);
    const { body } = await app.get<{ claims: { sid: string } }>('/auth/token', {
      token: owner.access,
    });
    const tokens = app.app.get(TokenService);
    const verify = tokens.verify.bind(tokens);
    jest.spyOn(tokens, 'verify').mockImplementationOnce(async (...args) => {
      const token = await verify(...args);
      await app.send('DELETE', '/auth/sessions', { token: owner.access });
      return token;
    });
    const answer = await app.send('DELETE', path(thief, body.claims.sid), { token: thief.access });
    expect([answer.status, answer.body.code]).toEqual([401, 'token_revoked']);
    expect((await app.get('/auth/me', { token: owner.access })).status).toBe(200);
  });

  it('refuses a refresh if the session ended concurrently', async () => {
    jest.spyOn(app.app.get(SessionRepository), 'findActive').mockResolvedValue(undefined);
    const { status, body } = await app.send('POST', '/auth/refresh', { token: user.refresh });
    expect([status, body.code]).toEqual([401, 'token_revoked']);
  });

  it('changes no password for a session that ended while the password was hashed', async () => {
    const victim = await app.newLogin();
    const hasher = app.app.get(PasswordHasher, { strict: false });
    const hash = hasher.hash.bind(hasher);
    jest.spyOn(hasher, 'hash').mockImplementation(async (...args) => {
      await app.send('DELETE', '/auth/logout2', { token: victim.refresh });
      return hash(...args);
    });
    const { status, body } = await app.send('PUT', `/api/users/${victim.id}`, {
      token: victim.access,
      json: { name: victim.name, password: 'the new one of a thief' },
    });
    expect([status, body.code]).toEqual([401, 'token_revoked']);
    await app.login(victim);
  });

  it('verifies a password also for an unknown user', async () => {
    const verify = jest.spyOn(app.app.get(PasswordHasher, { strict: false }), 'verify');
    for (const username of [user.name, 'no user of this name']) {
      verify.mockClear();
      const json = { username, password: 'wrong' };
      expect((await app.send('POST', '/auth/login', { json })).status).toBe(401);
      expect(verify).toHaveBeenCalledTimes(1);
    }
  });

  it('answers a logout with 500 if the token could not be revoked', async () => {
    jest.spyOn(app.app.get(TokenStateRepository), 'revoke').mockRejectedValue(failure);
    const { status } = await app.send('DELETE', '/auth/logout', { token: user.access });
    expect(status).toBe(500);
  });
});
