import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TokenService } from '../src/tokens/token.service.js';
import { type Answer, ship } from './support/client.js';
import { bootApp, SECRET, type TestApp } from './support/test-app.js';

const demoUser = { username: 'user', password: 'password' };
const NAMES = [
  'access_token_cookie',
  'csrf_access_token',
  'refresh_token_cookie',
  'csrf_refresh_token',
];

/** Each `Set-Cookie`: its value, and its attributes in order of the alphabet. */
function cookiesOf({ headers }: Answer): Map<string, { value: string; attributes: string[] }> {
  return new Map(
    headers.getSetCookie().map((line) => {
      const [pair = '', ...attributes] = line.split('; ');
      const [name = '', value = ''] = pair.split('=');
      return [name, { value, attributes: attributes.sort() }];
    }),
  );
}

describe('With TOKEN_COOKIES', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootApp({ TOKEN_COOKIES: 'true' });
  });
  afterAll(() => app.close());

  const login = async () => {
    const answer = await app.send('POST', '/auth/login', { json: demoUser });
    const cookies = cookiesOf(answer);
    const value = (name: string) => cookies.get(name)!.value;
    return {
      answer,
      cookies,
      access: { cookie: `access_token_cookie=${value('access_token_cookie')}` },
      refresh: { cookie: `refresh_token_cookie=${value('refresh_token_cookie')}` },
      csrfAccess: { 'x-csrf-token': value('csrf_access_token') },
      csrfRefresh: { 'x-csrf-token': value('csrf_refresh_token') },
    };
  };

  it('a login sets the tokens of its answer as cookies, which no script can read', async () => {
    const { answer, cookies } = await login();
    expect([...cookies.keys()].sort()).toEqual([...NAMES].sort());
    expect(cookies.get('access_token_cookie')).toEqual({
      value: answer.body.access_token,
      attributes: ['HttpOnly', 'Max-Age=900', 'Path=/', 'SameSite=Strict'],
    });
    expect(cookies.get('refresh_token_cookie')).toEqual({
      value: answer.body.refresh_token,
      attributes: ['HttpOnly', 'Max-Age=2592000', 'Path=/auth', 'SameSite=Strict'],
    });
  });

  it('a login sets what a page has to repeat, which scripts can read, bound to each token', async () => {
    const { cookies } = await login();
    const tokens = app.app.get(TokenService);
    for (const kind of ['access', 'refresh']) {
      const { value, attributes } = cookies.get(`csrf_${kind}_token`)!;
      const { claims } = tokens.decode(cookies.get(`${kind}_token_cookie`)!.value);
      expect(claims.csrf).toBe(value);
      expect(value).toMatch(/^[\w-]{22}$/);
      expect(attributes.filter((each) => !each.startsWith('Max-Age'))).toEqual([
        'Path=/',
        'SameSite=Strict',
      ]);
    }
    expect(cookies.get('csrf_access_token')!.value).not.toBe(
      cookies.get('csrf_refresh_token')!.value,
    );
  });

  it('reading takes the cookie alone', async () => {
    const { access, refresh } = await login();
    const { status, body, headers } = await app.get('/auth/me', { headers: access });
    expect([status, body.name, headers.get('cache-control')]).toEqual([200, 'user', 'no-store']);
    expect((await app.get('/auth/me', { headers: refresh })).body.code).toBe('token_missing');
    expect((await app.send('HEAD', '/auth/me', { headers: access })).status).toBe(200);
  });

  it('a change without the value, or with another, is refused before anything happens', async () => {
    const { access, csrfAccess, csrfRefresh } = await login();
    const other = await login();
    const before = (await app.get<unknown[]>('/api/ships?limit=1000')).body.length;
    for (const wrong of [
      {},
      csrfRefresh,
      other.csrfAccess,
      { 'x-csrf-token': '' },
      { 'x-csrf-token': `${csrfAccess['x-csrf-token']}x` },
      { 'x-csrf-token': `${csrfAccess['x-csrf-token']}, ${csrfAccess['x-csrf-token']}` },
    ]) {
      const headers = { ...access, ...wrong };
      const { status, body, ...answer } = await app.send('POST', '/api/ships', {
        headers,
        json: ship,
      });
      expect([status, body]).toEqual([
        401,
        { statusCode: 401, code: 'csrf_failed', error: 'Missing or wrong X-CSRF-TOKEN' },
      ]);
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm="api", error=/);
      const logout = await app.send('DELETE', '/auth/logout', { headers });
      expect(logout.body.code).toBe('csrf_failed');
    }
    expect((await app.get<unknown[]>('/api/ships?limit=1000')).body).toHaveLength(before);
    expect((await app.get('/auth/me', { headers: access })).status).toBe(200);
  });

  it('a change goes through beside the value', async () => {
    const { access, csrfAccess } = await login();
    const headers = { ...access, ...csrfAccess };
    const { status } = await app.send('POST', '/api/ships', { headers, json: ship });
    expect(status).toBe(201);
  });

  it('a token in the header needs no value, and goes before the cookie', async () => {
    const mine = await login();
    const { access } = await app.newLogin();
    const headers = { ...mine.access };
    const { status } = await app.send('POST', '/api/ships', { token: access, headers, json: ship });
    expect(status).toBe(201);
    const me = await app.get('/auth/me', { token: access, headers });
    expect(me.body.name).not.toBe('user');
    expect((await app.get('/auth/me', { token: 'x', headers })).body.code).toBe('token_invalid');
  });

  it('a refresh takes its own cookie and value, and sets a new access token', async () => {
    const { access, refresh, csrfRefresh, csrfAccess } = await login();
    const send = (headers: Record<string, string>) =>
      app.send('POST', '/auth/refresh', { headers });
    expect((await send({ ...access, ...csrfAccess })).body.code).toBe('token_missing');
    expect((await send(refresh)).body.code).toBe('csrf_failed');
    expect((await send({ ...refresh, ...csrfAccess })).body.code).toBe('csrf_failed');
    const answer = await send({ ...refresh, ...csrfRefresh });
    const cookies = cookiesOf(answer);
    expect([...cookies.keys()]).toEqual(NAMES);
    const { value } = cookies.get('access_token_cookie')!;
    expect(value).toBe(answer.body.access_token);
    const renewed = { cookie: `access_token_cookie=${value}` };
    expect((await app.get('/auth/me', { headers: renewed })).status).toBe(200);
    const csrf = { 'x-csrf-token': cookies.get('csrf_access_token')!.value };
    const created = await app.send('POST', '/api/ships', {
      headers: { ...renewed, ...csrf },
      json: ship,
    });
    expect(created.status).toBe(201);
  });

  it.each(['logout', 'logout2'])('%s clears all of them', async (path) => {
    const { access, refresh, csrfAccess, csrfRefresh } = await login();
    const headers =
      path === 'logout' ? { ...access, ...csrfAccess } : { ...refresh, ...csrfRefresh };
    const answer = await app.send('DELETE', `/auth/${path}`, { headers });
    expect(answer.status).toBe(200);
    const cookies = cookiesOf(answer);
    expect([...cookies.keys()].sort()).toEqual([...NAMES].sort());
    for (const [name, { value, attributes }] of cookies) {
      expect([name, value]).toEqual([name, '']);
      const where = name === 'refresh_token_cookie' ? 'Path=/auth' : 'Path=/';
      expect(attributes).toEqual(expect.arrayContaining(['Max-Age=0', where]));
    }
    expect((await app.get('/auth/me', { headers: access })).body.code).toBe('token_revoked');
  });

  it('a token of before they were on is refused for a change', async () => {
    const off = await bootApp({}, { database: { ...app.database, drop: async () => undefined } });
    const { access } = await off.newLogin();
    await off.close();
    const headers = { cookie: `access_token_cookie=${access}`, 'x-csrf-token': 'undefined' };
    expect((await app.get('/auth/me', { headers })).status).toBe(200);
    const { body } = await app.send('POST', '/api/ships', { headers, json: ship });
    expect(body.code).toBe('csrf_failed');
  });

  it('the document says so', async () => {
    const { text } = await app.get('/docs/openapi.json');
    const { paths, components } = JSON.parse(text) as {
      paths: Record<string, Record<string, { security: object[]; responses: object }>>;
      components: { securitySchemes: object };
    };
    expect(components.securitySchemes).toMatchObject({
      'cookie.access_token_cookie': { type: 'apiKey', in: 'cookie', name: 'access_token_cookie' },
      'cookie.refresh_token_cookie': { type: 'apiKey', in: 'cookie', name: 'refresh_token_cookie' },
    });
    expect(paths['/auth/refresh']!.post!.security).toEqual([
      { refresh_token: [] },
      { 'cookie.refresh_token_cookie': [] },
    ]);
    expect(JSON.stringify(paths['/api/ships']!.post!.responses)).toContain('csrf_failed');
    expect(JSON.stringify(paths['/auth/me']!.get!.responses)).not.toContain('csrf_failed');
  });
});

describe('In production', () => {
  it('cookies are sent over TLS alone', async () => {
    const app = await bootApp({
      ...{ NODE_ENV: 'production', TOKEN_COOKIES: 'true', JWT_SECRET_KEY: SECRET },
    });
    const { name, password } = await app.newUser('a password');
    const answer = await app.send('POST', '/auth/login', { json: { username: name, password } });
    const cookies = cookiesOf(answer);
    expect(cookies.size).toBe(4);
    for (const { attributes } of cookies.values()) expect(attributes).toContain('Secure');
    await app.close();
  });
});

describe('Without TOKEN_COOKIES', () => {
  it('cookies are neither set nor read, nor are tokens bound to anything', async () => {
    const app = await bootApp();
    const answer = await app.send('POST', '/auth/login', { json: demoUser });
    expect(answer.headers.getSetCookie()).toEqual([]);
    const { access_token: token, refresh_token: refresh } = answer.body as Record<string, string>;
    expect(app.app.get(TokenService).decode(token!).claims).not.toHaveProperty('csrf');
    const headers = { cookie: `access_token_cookie=${token}; refresh_token_cookie=${refresh}` };
    expect((await app.get('/auth/me', { headers })).body.code).toBe('token_missing');
    const again = await app.send('POST', '/auth/refresh', { headers });
    expect(again.body.code).toBe('token_missing');
    const renewed = await app.send('POST', '/auth/refresh', { token: refresh! });
    expect(renewed.headers.getSetCookie()).toEqual([]);
    const out = await app.send('DELETE', '/auth/logout', { token: token! });
    expect([out.status, out.headers.getSetCookie()]).toEqual([200, []]);
    await app.close();
  });
});
