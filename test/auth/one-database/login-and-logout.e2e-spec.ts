import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import jsonwebtoken from 'jsonwebtoken';
import { AppConfig } from '../../../src/config/app-config.js';
import { crate } from '../../support/fixture/crates.js';
import { freezeTime } from '../../support/time.js';
import { bootFixtureApp } from '../../support/fixture-app.js';
import { SECRET, type TestApp } from '../../support/test-app.js';

/*
 * Each test checks a sentence of the tutorial “Using JWT in Flask”, which its comment quotes. A blog of
 * the tutorial is a crate here.
 */
describe('The behavior that “Using JWT in Flask” documents', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootFixtureApp({ JWT_ACCESS_TOKEN_EXPIRES: '30' });
  });
  afterEach(() => {
    jest.useRealTimers();
  });
  afterAll(() => app.close());

  const login = (json: object) => app.send('POST', '/auth/login', { json });
  const create = (options: object) => app.send('POST', '/api/crates', { json: crate, ...options });

  // “JWT’s represent a way to authorize clients without sharing sensitive information.”
  it('puts no password, name, hash or secret into a token', async () => {
    const { access, refresh, password, name } = await app.newLogin();
    for (const token of [access, refresh]) {
      const text = token
        .split('.')
        .slice(0, 2)
        .map((part) => Buffer.from(part, 'base64url').toString());
      for (const secret of [password, name, 'argon2', SECRET])
        expect(text.join()).not.toContain(secret);
    }
  });

  // “The user needs to be logged in to create and publish a blog.”
  it('refuses to create a crate without a login', async () => {
    expect((await create({})).status).toBe(401);
  });

  // “The User logs in to his account on the client … Client displays result to the user.”
  it('creates a crate with the access token of a login', async () => {
    const { name, password } = await app.newUser();
    // “The client sends the user's credential to the server to validate login”
    const answer = await login({ username: name, password });
    // “Server validates login and sends token”
    expect(answer.status).toBe(200);
    // “Client creates a request and puts token in the header of the request”
    const headers = { authorization: `Bearer ${String(answer.body.access_token)}` };
    // “Server validates JWT, performs necessary action and returns appropriate response”
    const { status, body } = await create({ headers });
    expect([status, body]).toEqual([201, { id: body.id, ...crate }]);
    expect((await app.get(`/api/crates/${String(body.id)}`)).body).toEqual(body);
  });

  // “There is also the Time Limit of a JWT … after the time span the user will need to enter his
  // credentials again”
  it('requires a new login after the tokens have expired', async () => {
    const user = await app.newUser();
    const { access, refresh } = await app.login(user);
    freezeTime(Date.now() + 31 * 24 * 3600 * 1000);
    for (const [method, path, token] of [
      ['GET', '/auth/me', access],
      ['POST', '/auth/refresh', refresh],
    ] as const) {
      expect((await app.send(method, path, { token })).body.code).toBe('token_expired');
    }
    const again = await app.login(user);
    expect((await app.get('/auth/me', { token: again.access })).status).toBe(200);
  });

  // “in your .env file or where you keep secret keys, insert 2 fields.”
  it('reads the secret and the lifetime of tokens from .env', () => {
    const before = process.cwd();
    process.chdir(app.database.folder);
    try {
      writeFileSync(
        join(app.database.folder, '.env'),
        `JWT_SECRET_KEY=${SECRET.replaceAll(' ', '-')}\nJWT_ACCESS_TOKEN_EXPIRES=30\n`,
      );
      const { jwt, accessTokenLifetime } = AppConfig.load();
      expect(jwt.key && 'key' in jwt.key && jwt.key.key.symmetricKeySize).toBe(SECRET.length);
      expect(accessTokenLifetime).toBe(1800);
    } finally {
      process.chdir(before);
    }
  });

  // “The JWT_SECRET_KEY is just as important as the SECRET_KEY for the flask app.”
  it('accepts only tokens that are signed with JWT_SECRET_KEY', async () => {
    const { access } = await app.newLogin();
    const claims = jsonwebtoken.decode(access) as object;
    const sign = (secret: string) => jsonwebtoken.sign(claims, secret);
    expect((await app.get('/auth/me', { token: sign(SECRET) })).status).toBe(200);
    expect((await app.get('/auth/me', { token: sign(`${SECRET}!`) })).status).toBe(401);
  });

  // “The JWT_ACCESS_TOKEN_EXPIRES is used to decide the timespan for a valid JWT.” (30 minutes)
  it('issues access tokens that last JWT_ACCESS_TOKEN_EXPIRES minutes', async () => {
    const user = await app.newUser();
    const { body } = await login({ username: user.name, password: user.password });
    const token = String(body.access_token);
    const { iat, exp } = jsonwebtoken.decode(token) as { iat: number; exp: number };
    expect([body.expires_in, exp - iat]).toEqual([1800, 1800]);
    freezeTime(exp * 1000 - 1);
    expect((await app.get('/auth/me', { token })).status).toBe(200);
    freezeTime(exp * 1000);
    expect((await app.get('/auth/me', { token })).body.code).toBe('token_expired');
  });

  // “check if user exists and password is correct” and “Handle Errors”
  it('refuses an unknown user and a wrong password with the same error', async () => {
    const { name, password } = await app.newUser();
    const unknown = await login({ username: `${name}!`, password });
    const wrong = await login({ username: name, password: `${password}!` });
    expect([unknown.status, wrong.status]).toEqual([401, 401]);
    expect(unknown.body).toEqual(wrong.body);
  });

  // “@jwt_required() # to indicate that jwt is required for this request”
  it('answers a request without the required token with token_missing and a challenge', async () => {
    const { body, headers } = await create({});
    expect(body.code).toBe('token_missing');
    expect(headers.get('www-authenticate')).toBe('Bearer realm="api"');
  });

  // “catch errors if any and return them as response messages”
  it('returns the field errors of an invalid body as messages', async () => {
    const { access: token } = await app.newLogin();
    const { status, body } = await create({ token, json: { ...crate, count: 'many', tags: null } });
    expect([status, body.message]).toEqual([
      400,
      { count: ['Not a valid integer.'], tags: ['Field may not be null.'] },
    ]);
  });

  // “db.session.add(new_blog) db.session.commit()”
  it('keeps a created crate over a restart', async () => {
    const { access: token } = await app.newLogin();
    const { body } = await create({ token });
    app = await app.restart();
    expect((await app.get(`/api/crates/${String(body.id)}`)).body).toEqual(body);
  });
});
