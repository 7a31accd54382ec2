import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import jsonwebtoken from 'jsonwebtoken';
import { bootApp, type TestApp } from '../../support/test-app.js';
import { demoShips } from '../../demo/demo-ships.js';
import { ship } from '../../ships/ship-values.js';

/** The settings for Flask clients in docs/flask-clients.md. */
const FLASK_SETTINGS = {
  FLASK_COMPAT: 'true',
  PUBLIC_URL: 'https://api.example.com',
  REFRESH_ROTATION: 'false',
};

/**
 * Replays the requests of a client of the earlier Flask service, in their order and with their values.
 * Such a client knows neither our error codes nor our sessions, and must not notice them. Production
 * requires longer passwords and has no example data, so that the data is created in development first.
 */
describe.each([
  ['in development', {}, 'secret'],
  [
    'in production with these settings',
    { ...FLASK_SETTINGS, NODE_ENV: 'production', DEMO_DATA: 'false' },
    'a longer secret',
  ],
])('A Flask client %s', (_, env, secret) => {
  let app: TestApp;

  beforeEach(async () => {
    app = await bootApp({ DEMO_DATA: 'true' });
    if ('NODE_ENV' in env) app = await app.restart(env);
  });
  afterEach(() => app.close());

  const auth = async (username = 'user', password = 'password') => {
    const json = { username, password };
    const { body } = await app.send<Record<string, string>>('POST', '/auth/login', { json });
    return { access: body.access_token!, refresh: body.refresh_token! };
  };

  it('answers 404 at the root', async () => {
    for (const path of ['/', '/api', '/api/']) expect((await app.get(path)).status).toBe(404);
  });

  it('lists users and ships without a login', async () => {
    expect((await app.get('/api/users')).body).toEqual([
      { id: 1, name: 'user' },
      { id: 2, name: 'guest' },
    ]);
    expect((await app.get('/api/users/1')).body).toEqual({ id: 1, name: 'user' });
    expect((await app.get('/api/users/999')).status).toBe(404);
    expect((await app.get('/api/ships')).body).toEqual(demoShips);
    expect((await app.get('/api/ships/2')).body).toEqual(demoShips[1]);
    expect((await app.get('/api/ships/999')).status).toBe(404);
  });

  it('logs in, writes, refreshes and logs out', async () => {
    const { access, refresh } = await auth();
    expect(jsonwebtoken.decode(access)).toMatchObject({ sub: '1' });

    const created = await app.send('POST', '/api/ships', { token: access, json: ship });
    expect(created.status).toBe(201);
    expect(created.body).toEqual({ id: 16, ...ship });
    expect(created.headers.get('location')).toMatch(/\/api\/ships\/16$/);
    const changed = { ...ship, model: 'Imperial II-class Star Destroyer', crew: 37050 };
    const updated = await app.send('PUT', '/api/ships/16', { token: access, json: changed });
    expect([updated.status, updated.body]).toEqual([200, { id: 16, ...changed }]);
    const deleted = await app.send('DELETE', '/api/ships/16', { token: access });
    expect([deleted.status, deleted.text]).toEqual([204, '']);
    for (const id of [0, 99]) {
      expect((await app.send('DELETE', `/api/ships/${id}`, { token: access })).status).toBe(404);
    }

    const refreshed = await app.send('POST', '/auth/refresh', { token: refresh });
    expect(refreshed.status).toBe(200);
    expect(refreshed.body.access_token).not.toBe(access);

    const logout = await app.send('DELETE', '/auth/logout', { token: access });
    expect([logout.status, logout.body]).toEqual([200, { message: 'Successfully logged out.' }]);
    const refused = await app.send('DELETE', '/api/ships/1', { token: access });
    expect([refused.status, refused.body.error]).toEqual([401, 'Token has been revoked']);
    expect((await app.send('POST', '/auth/refresh', { token: refresh })).status).toBe(200);

    const logout2 = await app.send('DELETE', '/auth/logout2', { token: refresh });
    expect([logout2.status, logout2.body]).toEqual([200, { message: 'Successfully logged out.' }]);
    const revoked = await app.send('POST', '/auth/refresh', { token: refresh });
    expect([revoked.status, revoked.body.error]).toEqual([401, 'Token has been revoked']);
  });

  it('registers, changes and deletes a user', async () => {
    const json = { name: 'new user', password: secret };
    const created = await app.send('POST', '/api/users', { json });
    expect([created.status, created.body]).toEqual([201, { id: 3, name: 'new user' }]);
    expect(created.headers.get('location')).toMatch(/\/api\/users\/3$/);
    const taken = await app.send('POST', '/api/users', { json });
    expect([taken.status, taken.body.message]).toEqual([400, 'User already exists.']);

    const { access, refresh } = await auth('new user', secret);
    const change = { id: 3, name: 'fancy new name', password: 'more secret' };
    const updated = await app.send('PUT', '/api/users/3', { token: access, json: change });
    expect([updated.status, updated.body]).toEqual([200, { id: 3, name: 'fancy new name' }]);
    expect((await app.get('/auth/me', { token: access })).body.name).toBe('fancy new name');
    const mismatch = await app.send('PUT', '/api/users/3', {
      token: access,
      json: { id: 4, name: '??', password: '????????' },
    });
    expect([mismatch.status, mismatch.body.message]).toEqual([
      400,
      'Request data id has to match resource id.',
    ]);
    expect((await app.send('DELETE', '/api/users/3', { token: access })).status).toBe(204);
    expect((await app.send('POST', '/auth/refresh', { token: refresh })).status).toBe(401);
  });

  it('refuses requests with the messages that the client knows', async () => {
    const { access, refresh } = await auth();
    const login = async (json: unknown) => app.send('POST', '/auth/login', { json });
    for (const json of [{ password: 'password' }, { username: 'user' }]) {
      const { status, body } = await login(json);
      expect([status, body.message]).toEqual([400, 'Username or password missing.']);
    }
    for (const json of [
      { username: '?', password: 'password' },
      { username: 'user', password: '?' },
    ]) {
      const { status, body } = await login(json);
      expect([status, body.message]).toEqual([401, 'Username or password invalid.']);
      expect(body).not.toHaveProperty('access_token');
    }
    const wrong = await app.send('POST', '/auth/refresh', { token: access });
    expect([wrong.status, wrong.body.error]).toEqual([422, 'Only refresh tokens are allowed']);
    const other = await app.send('DELETE', '/api/ships/1', { token: refresh });
    expect([other.status, other.body.error]).toEqual([422, 'Only access tokens are allowed']);
    for (const [method, path, json] of [
      ['POST', '/api/ships', ship],
      ['PUT', '/api/ships/5', ship],
      ['DELETE', '/api/ships/5', undefined],
      ['PUT', '/api/users/1', { name: 'new-name', password: 'new-pwd' }],
      ['DELETE', '/api/users/1', undefined],
    ] as const) {
      const { status, body } = await app.send(method, path, { ...(json && { json }) });
      expect([status, body.error]).toEqual([401, 'Missing Authorization Header']);
    }
  });
});

describe('Differences that docs/flask-clients.md lists', () => {
  let app: TestApp;
  let token: string;

  beforeAll(async () => {
    app = await bootApp({ DEMO_DATA: 'true' });
    ({ access: token } = await app.login({ name: 'user', password: 'password' }));
  });
  afterAll(() => app.close());

  const post = (path: string, values: object, headers = {}) =>
    app.send('POST', path, { token, headers, raw: JSON.stringify(values) });

  it('ends the session at a repeated refresh, unless REFRESH_ROTATION=false', async () => {
    const { refresh, access } = await app.newLogin();
    const { body: first } = await app.send('POST', '/auth/refresh', { token: refresh });
    await app.send('POST', '/auth/refresh', { token: String(first.refresh_token) });
    const { status, body } = await app.send('POST', '/auth/refresh', { token: refresh });
    expect([status, body.code]).toEqual([401, 'token_revoked']);
    expect((await app.get('/auth/me', { token: access })).body.code).toBe('token_revoked');
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', ''])(
    'answers 415 to a write of the type "%s"',
    async (type) => {
      const { status, body } = await post('/api/ships', ship, { 'content-type': type });
      expect([status, body.code]).toEqual([415, 'unsupported_media_type']);
    },
  );

  it.each([
    [{ model: '' }, { model: ['Shorter than minimum length 1.'] }],
    [{ crew: '5' }, { crew: ['Not a valid integer.'] }],
    [{ crew: 5.7 }, { crew: ['Not a valid integer.'] }],
    [{ model: 'a\0b' }, { model: ['Not a valid string.'] }],
    [{ surprise: 1 }, { surprise: ['Unknown field.'] }],
  ])('answers 400 to a ship with %j', async (values, message) => {
    const { status, body } = await post('/api/ships', { ...ship, ...values });
    expect([status, body.message]).toEqual([400, message]);
  });

  it('answers 400 to a number above 2^53 - 1', async () => {
    const { status, body } = await post('/api/ships', { ...ship, crew: 2 ** 53 });
    expect([status, Object.keys(body.message as object)]).toEqual([400, ['crew']]);
  });

  it.each(['x', 'a.b', 'a.b.c', 'null', ''])(
    'answers 401 to the malformed token "%s"',
    async (bad) => {
      const { status, body } = await app.get('/auth/me', { token: bad });
      expect([status, body.code]).toEqual([401, 'token_invalid']);
    },
  );

  it.each(['PUT', 'DELETE'])(
    'answers 403 claim_required to a %s of another user',
    async (method) => {
      const json = { name: 'another', password: 'password' };
      const { status, body } = await app.send(method, '/api/users/2', { token, json });
      expect([status, body.code, body.error]).toEqual([
        ...[403, 'claim_required', 'Missing required claim(s)'],
      ]);
    },
  );

  it('limits the length of names and passwords', async () => {
    const json = { name: 'n'.repeat(81), password: 'p'.repeat(129) };
    const { status, body } = await app.send('POST', '/api/users', { json });
    expect([status, body.message]).toEqual([
      400,
      {
        name: ['Longer than maximum length 80.'],
        password: ['Longer than maximum length 128.'],
      },
    ]);
  });

  it('answers 400 name_taken to a PUT with a taken name', async () => {
    const json = { name: 'guest', password: 'password' };
    const { status, body } = await app.send('PUT', '/api/users/1', { token, json });
    expect([status, body.code, body.message]).toEqual([400, 'name_taken', 'User already exists.']);
  });

  it.each(['/api/ships/01', '/api/ships/', '/api/users/', '/auth/login/', '/api/ships/1/'])(
    'answers 404 at %s',
    async (path) => {
      expect((await app.get(path)).status).toBe(404);
    },
  );

  it('redirects /docs/ to /docs', async () => {
    const { status, headers } = await app.get('/docs/');
    expect([status, headers.get('location')]).toEqual([308, '/docs']);
  });

  it('answers OPTIONS with 204 and the methods of the route in Allow', async () => {
    const { status, text, headers } = await app.send('OPTIONS', '/api/ships');
    expect([status, text]).toEqual([204, '']);
    const methods = headers.get('allow')!.split(', ');
    expect(methods).toEqual(expect.arrayContaining(['POST', 'GET', 'HEAD', 'OPTIONS']));
  });
});

describe('docs/flask-clients.md', () => {
  it('names the settings that this spec tests in production', () => {
    const settings = Object.entries(FLASK_SETTINGS).map(([name, value]) => `${name}=${value}`);
    expect(readFileSync('docs/flask-clients.md', 'utf8')).toContain(settings.join(' '));
  });
});
