import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module } from '@nestjs/common';
import { loginCookieOf } from '../../../src/access/requirement.js';
import { RequireToken } from '../../../src/access/require-token.decorator.js';
import { RouteRequirementsService } from '../../../src/access/route-requirements.service.js';
import { TokenService } from '../../../src/tokens/token.service.js';
import type { Answer } from '../../support/client.js';
import { crate } from '../../support/fixture/crates.js';
import { bootFixtureApp } from '../../support/fixture-app.js';
import { SECRET, type TestApp } from '../../support/test-app.js';

const testUser = { username: 'user', password: 'password' };
const NAMES = [
  'access_token_cookie',
  'csrf_access_token',
  'refresh_token_cookie',
  'csrf_refresh_token',
];

/** The cookies of a response by name, each with its value and its sorted attributes. */
function cookiesOf({ headers }: Answer): Map<string, { value: string; attributes: string[] }> {
  return new Map(
    headers.getSetCookie().map((line) => {
      const [pair = '', ...attributes] = line.split('; ');
      const [name = '', value = ''] = pair.split('=');
      return [name, { value, attributes: attributes.sort() }];
    }),
  );
}

describe('TOKEN_COOKIES=true', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootFixtureApp({ TOKEN_COOKIES: 'true' });
  });
  afterAll(() => app.close());

  const login = async () => {
    const answer = await app.send('POST', '/auth/login', { json: testUser });
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

  it('sets the tokens of a login as cookies that no script can read', async () => {
    const { answer, cookies } = await login();
    expect([...cookies.keys()].sort()).toEqual([...NAMES].sort());
    expect(cookies.get('access_token_cookie')).toEqual({
      value: answer.body.access_token,
      attributes: ['HttpOnly', 'Max-Age=900', 'Path=/', 'SameSite=Strict'],
    });
    expect(cookies.get('refresh_token_cookie')).toEqual({
      value: answer.body.refresh_token,
      attributes: ['HttpOnly', 'Max-Age=2592000', 'Path=/', 'SameSite=Strict'],
    });
  });

  it('sets the CSRF value of each token as a cookie that scripts can read', async () => {
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

  it('accepts the access cookie alone for a read', async () => {
    const { access, refresh } = await login();
    const { status, body, headers } = await app.get('/auth/me', { headers: access });
    expect([status, body.name, headers.get('cache-control')]).toEqual([200, 'user', 'no-store']);
    expect((await app.get('/auth/me', { headers: refresh })).body.code).toBe('token_missing');
    expect((await app.send('HEAD', '/auth/me', { headers: access })).status).toBe(200);
  });

  it('refuses a change without the CSRF value, or with another one, before anything is written', async () => {
    const { access, csrfAccess, csrfRefresh } = await login();
    const other = await login();
    const before = (await app.get<unknown[]>('/api/crates?limit=1000')).body.length;
    for (const wrong of [
      {},
      csrfRefresh,
      other.csrfAccess,
      { 'x-csrf-token': '' },
      { 'x-csrf-token': `${csrfAccess['x-csrf-token']}x` },
      { 'x-csrf-token': `${csrfAccess['x-csrf-token']}, ${csrfAccess['x-csrf-token']}` },
    ]) {
      const headers = { ...access, ...wrong };
      const { status, body, ...answer } = await app.send('POST', '/api/crates', {
        headers,
        json: crate,
      });
      expect([status, body]).toEqual([
        401,
        { statusCode: 401, code: 'csrf_failed', error: 'Missing or wrong X-CSRF-TOKEN' },
      ]);
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm="api", error=/);
      const logout = await app.send('DELETE', '/auth/logout', { headers });
      expect(logout.body.code).toBe('csrf_failed');
    }
    expect((await app.get<unknown[]>('/api/crates?limit=1000')).body).toHaveLength(before);
    expect((await app.get('/auth/me', { headers: access })).status).toBe(200);
  });

  it('accepts a change with the cookie and its CSRF value', async () => {
    const { access, csrfAccess } = await login();
    const headers = { ...access, ...csrfAccess };
    const { status } = await app.send('POST', '/api/crates', { headers, json: crate });
    expect(status).toBe(201);
  });

  it('requires no CSRF value with a token in the header, and prefers the header to the cookie', async () => {
    const mine = await login();
    const { access } = await app.newLogin();
    const headers = { ...mine.access };
    const { status } = await app.send('POST', '/api/crates', {
      token: access,
      headers,
      json: crate,
    });
    expect(status).toBe(201);
    const me = await app.get('/auth/me', { token: access, headers });
    expect(me.body.name).not.toBe('user');
    expect((await app.get('/auth/me', { token: 'x', headers })).body.code).toBe('token_invalid');
  });

  it('refreshes with the refresh cookie and its CSRF value, and sets new cookies', async () => {
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
    expect(answer.body).toEqual({
      token_type: 'Bearer',
      expires_in: 900,
      csrf_access_token: cookies.get('csrf_access_token')!.value,
      csrf_refresh_token: cookies.get('csrf_refresh_token')!.value,
    });
    const renewed = { cookie: `access_token_cookie=${value}` };
    expect((await app.get('/auth/me', { headers: renewed })).status).toBe(200);
    const csrf = { 'x-csrf-token': cookies.get('csrf_access_token')!.value };
    const created = await app.send('POST', '/api/crates', {
      headers: { ...renewed, ...csrf },
      json: crate,
    });
    expect(created.status).toBe(201);
  });

  it.each(['logout', 'logout2'])('clears all cookies at /auth/%s', async (path) => {
    const { access, refresh, csrfAccess, csrfRefresh } = await login();
    const headers =
      path === 'logout' ? { ...access, ...csrfAccess } : { ...refresh, ...csrfRefresh };
    const answer = await app.send('DELETE', `/auth/${path}`, { headers });
    expect(answer.status).toBe(200);
    const cookies = cookiesOf(answer);
    expect([...cookies.keys()].sort()).toEqual([...NAMES].sort());
    for (const [name, { value, attributes }] of cookies) {
      expect([name, value]).toEqual([name, '']);
      expect(attributes).toEqual(expect.arrayContaining(['Max-Age=0', 'Path=/']));
    }
    expect((await app.get('/auth/me', { headers: access })).body.code).toBe('token_revoked');
  });

  it('refuses a change with a token that was issued before TOKEN_COOKIES was set', async () => {
    const off = await bootFixtureApp(
      {},
      { database: { ...app.database, drop: async () => undefined } },
    );
    const { access } = await off.newLogin();
    await off.close();
    const headers = { cookie: `access_token_cookie=${access}`, 'x-csrf-token': 'undefined' };
    expect((await app.get('/auth/me', { headers })).status).toBe(200);
    const { body } = await app.send('POST', '/api/crates', { headers, json: crate });
    expect(body.code).toBe('csrf_failed');
  });

  it('describes the cookies and csrf_failed in the OpenAPI document', async () => {
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
    expect(JSON.stringify(paths['/api/crates']!.post!.responses)).toContain('csrf_failed');
    expect(JSON.stringify(paths['/auth/me']!.get!.responses)).not.toContain('csrf_failed');
  });
});

const production = { NODE_ENV: 'production', TOKEN_COOKIES: 'true', JWT_SECRET_KEY: SECRET };

/** The cookies that a response expires, each as its sorted attributes and name. */
function expiredCookies({ headers }: Answer): string[] {
  return headers
    .getSetCookie()
    .filter((line) => line.includes('Max-Age=0'))
    .map((line) => line.replace('=;', ';').split('; ').sort().join('; '));
}

const UNPREFIXED = [
  'Max-Age=0; Path=/; SameSite=Strict; Secure; access_token_cookie',
  'Max-Age=0; Path=/; SameSite=Strict; Secure; csrf_access_token',
  'Max-Age=0; Path=/; SameSite=Strict; Secure; csrf_refresh_token',
  'Max-Age=0; Path=/; SameSite=Strict; Secure; refresh_token_cookie',
  'Max-Age=0; Path=/auth; SameSite=Strict; Secure; refresh_token_cookie',
];

describe.each([
  ['TOKEN_COOKIES=true in production', production, '__Host-', []],
  [
    'TOKEN_COOKIES=true in production with COOKIE_DOMAIN',
    { ...production, COOKIE_DOMAIN: 'example.com' },
    '__Secure-',
    ['Domain=example.com'],
  ],
])('%s', (_title, env, prefix, domain) => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootFixtureApp(env);
  });
  afterAll(() => app.close());

  const login = async () => {
    const { name, password } = await app.newUser('a password');
    const answer = await app.send('POST', '/auth/login', { json: { username: name, password } });
    const cookies = cookiesOf(answer);
    const pair = (kind: string) => {
      const called = `${prefix}${kind}_token_cookie`;
      return `${called}=${cookies.get(called)!.value}`;
    };
    return {
      ...{ name, answer, cookies },
      access: pair('access'),
      refresh: pair('refresh'),
      csrfAccess: String(answer.body.csrf_access_token),
      csrfRefresh: String(answer.body.csrf_refresh_token),
    };
  };
  const me = async (cookie: string) => {
    const { body } = await app.get('/auth/me', { headers: { cookie } });
    return body.code ?? body.name;
  };

  it('sets login cookies with the name prefix and the attributes of production', async () => {
    const { cookies } = await login();
    const set = [...cookies].filter(([, { value }]) => value !== '');
    expect(set.map(([name]) => name).sort()).toEqual(NAMES.map((each) => prefix + each).sort());
    for (const [name, { attributes }] of set) {
      const isToken = name.endsWith('_cookie');
      expect(attributes.filter((each) => !each.startsWith('Max-Age'))).toEqual([
        ...domain,
        ...(isToken ? ['HttpOnly'] : []),
        ...['Path=/', 'SameSite=Strict', 'Secure'],
      ]);
    }
  });

  it('logs in, writes, refreshes and logs out with cookies', async () => {
    const mine = await login();
    expect(await me(mine.access)).toBe(mine.name);
    const created = await app.send('POST', '/api/crates', {
      headers: { cookie: mine.access, 'x-csrf-token': mine.csrfAccess },
      json: crate,
    });
    expect(created.status).toBe(201);
    const headers = { cookie: mine.refresh, 'x-csrf-token': mine.csrfRefresh };
    const renewed = await app.send('POST', '/auth/refresh', { headers });
    expect(renewed.status).toBe(200);
    const out = await app.send('DELETE', '/auth/logout2', { headers });
    expect([out.status, await me(mine.access)]).toEqual([200, 'token_revoked']);
    const expired = NAMES.map((each) => prefix + each);
    expect(expiredCookies(out).slice(-4)).toEqual(
      expired.map((each) => expect.stringContaining(each)),
    );
  });

  it('ignores cookies without the prefix, also beside one that has it', async () => {
    const [mine, other] = [await login(), await login()];
    const planted = other.access.replace(prefix, '');
    expect(await me(planted)).toBe('token_missing');
    for (const cookie of [`${planted}; ${mine.access}`, `${mine.access}; ${planted}`]) {
      expect(await me(cookie)).toBe(mine.name);
    }
    const headers = {
      cookie: other.refresh.replace(prefix, ''),
      'x-csrf-token': other.csrfRefresh,
    };
    const refreshed = await app.send('POST', '/auth/refresh', { headers });
    expect(refreshed.body.code).toBe('token_missing');
  });

  it.each([
    ['another case', (name: string) => name.toUpperCase()],
    [
      'the other prefix',
      (name: string) => name.replace(/^__\w+-/, prefix === '__Host-' ? '__Secure-' : '__Host-'),
    ],
    ['a no-break space before it', (name: string) => `\u00a0${name}`],
    ['a space of other bytes before it', (name: string) => `\u00e2\u0080\u0080${name}`],
    ['a space after it', (name: string) => `${name} `],
  ])('ignores a cookie whose name has %s', async (_, spelt) => {
    const [mine, other] = [await login(), await login()];
    const [name = '', value] = other.access.split('=');
    const planted = `${spelt(name)}=${value}`;
    expect(await me(planted)).toBe('token_missing');
    expect(await me(`${planted}; ${mine.access}`)).toBe(mine.name);
  });

  it('refuses a cookie that occurs twice, whichever of the two is valid', async () => {
    const [mine, other] = [await login(), await login()];
    for (const cookie of [
      `${mine.access}; ${other.access}`,
      `${mine.access}; ${mine.access}`,
      `${mine.access}; ${mine.access.split('=')[0]}=`,
      `${mine.access.split('=')[0]}=;${mine.access}`,
    ]) {
      expect(await me(cookie)).toBe('token_invalid');
    }
    for (const [method, path] of [
      ['POST', '/auth/refresh'],
      ['DELETE', '/auth/logout2'],
    ] as const) {
      const headers = {
        cookie: `${mine.refresh}; ${other.refresh}`,
        'x-csrf-token': mine.csrfRefresh,
      };
      const { status, body } = await app.send(method, path, { headers });
      expect([status, body.code]).toEqual([401, 'token_invalid']);
    }
    expect(await me(mine.access)).toBe(mine.name);
  });

  it('clears cookies without the prefix, on every path, at a login and at both logouts', async () => {
    const [mine, other] = [await login(), await login()];
    const out = (path: string, cookie: string, csrf: string) =>
      app.send('DELETE', path, { headers: { cookie, 'x-csrf-token': csrf } });
    for (const answer of [
      mine.answer,
      await out('/auth/logout', mine.access, mine.csrfAccess),
      await out('/auth/logout2', other.refresh, other.csrfRefresh),
    ]) {
      expect(answer.status).toBe(200);
      const plain = expiredCookies(answer).filter((each) => !each.includes(prefix));
      expect(plain.sort()).toEqual(UNPREFIXED);
    }
  });

  it('names the prefixed cookies in the OpenAPI document', async () => {
    const { text } = await app.get('/docs/openapi.json');
    expect(text).toContain(`"name":"${prefix}access_token_cookie"`);
    expect(text).not.toContain('"name":"access_token_cookie"');
  });
});

describe('TOKEN_COOKIES=true in development', () => {
  it('clears the refresh cookie of an earlier version at a login', async () => {
    const app = await bootFixtureApp({ TOKEN_COOKIES: 'true' });
    const old = { cookie: 'refresh_token_cookie=x' };
    const answer = await app.send('POST', '/auth/login', { json: testUser, headers: old });
    expect(expiredCookies(answer)).toEqual([
      'Max-Age=0; Path=/auth; SameSite=Strict; refresh_token_cookie',
    ]);
    const clean = await app.send('POST', '/auth/login', { json: testUser });
    expect(expiredCookies(clean)).toEqual([]);
    await app.close();
  });

  it('sets cookies with the domain of COOKIE_DOMAIN, and clears those without a domain', async () => {
    const app = await bootFixtureApp({ TOKEN_COOKIES: 'true', COOKIE_DOMAIN: 'Example.com' });
    const old = { cookie: 'access_token_cookie=x' };
    const answer = await app.send('POST', '/auth/login', { json: testUser, headers: old });
    expect(expiredCookies(answer)).toHaveLength(5);
    for (const { attributes } of cookiesOf(answer).values()) {
      expect(attributes).toContain('Domain=example.com');
    }
    await app.close();
  });
});

@Controller('own')
class OwnRoutes {
  @Get('refresh')
  @RequireToken({ type: 'refresh' })
  refresh() {
    return {};
  }

  @Get('named')
  @RequireToken({ type: 'refresh', in: 'cookie', cookie: 'refresh_token_cookie' })
  named() {
    return {};
  }
}

@Module({ controllers: [OwnRoutes] })
class OwnModule {}

describe('The refresh cookie', () => {
  it('reads the refresh cookie at /auth/refresh and /auth/logout2 only', async () => {
    const app = await bootFixtureApp({ TOKEN_COOKIES: 'true' });
    const requirements = app.app.get(RouteRequirementsService).list();
    const readers = requirements.filter(
      ({ requirement }) => loginCookieOf(requirement) === 'refresh',
    );
    expect(readers.flatMap(({ paths }) => paths).sort()).toEqual([
      '/auth/logout2',
      '/auth/refresh',
    ]);
    await app.close();
  });

  it('does not read the refresh cookie at another route for refresh tokens, unless the route names it', async () => {
    const app = await bootFixtureApp({ TOKEN_COOKIES: 'true' }, { imports: [OwnModule] });
    const { body } = await app.send('POST', '/auth/login', { json: testUser });
    const token = String(body.refresh_token);
    const headers = { cookie: `refresh_token_cookie=${token}` };
    expect((await app.get('/own/refresh', { headers })).body.code).toBe('token_missing');
    expect((await app.get('/own/refresh', { token })).status).toBe(200);
    expect((await app.get('/own/named', { headers })).status).toBe(200);
    await app.close();
  });
});

describe('Responses with tokens', () => {
  const bodies = async (app: TestApp) => {
    const login = await app.send('POST', '/auth/login', { json: testUser });
    const cookies = cookiesOf(login);
    const token = (kind: string) => cookies.get(`${kind}_token_cookie`)!.value;
    const byCookie = (kind: string) => ({
      cookie: `${kind}_token_cookie=${token(kind)}`,
      'x-csrf-token': cookies.get(`csrf_${kind}_token`)!.value,
    });
    const names = ({ body }: Answer) => Object.keys(body).sort();
    return {
      login: names(login),
      csrf: [login.body.csrf_access_token, login.body.csrf_refresh_token],
      cookieCsrf: ['access', 'refresh'].map((kind) => cookies.get(`csrf_${kind}_token`)!.value),
      refreshByCookie: names(
        await app.send('POST', '/auth/refresh', { headers: byCookie('refresh') }),
      ),
      refreshByHeader: names(await app.send('POST', '/auth/refresh', { token: token('refresh') })),
      tokenByCookie: names(await app.get('/auth/token', { headers: byCookie('access') })),
      tokenByHeader: names(await app.get('/auth/token', { token: token('access') })),
    };
  };
  const csrf = ['csrf_access_token', 'csrf_refresh_token'];
  const rest = ['expires_in', 'token_type'];
  const info = ['claims', 'is_signed', 'scope', 'subject', 'token_type'];
  const sorted = (...names: string[]) => names.sort();

  it('returns the tokens and their CSRF values in the body if the request has no cookie', async () => {
    const app = await bootFixtureApp({ TOKEN_COOKIES: 'true' });
    const found = await bodies(app);
    const all = sorted('access_token', 'refresh_token', ...csrf, ...rest);
    expect([found.login, found.refreshByHeader]).toEqual([all, all]);
    expect(found.csrf).toEqual(found.cookieCsrf);
    expect(found.tokenByHeader).toEqual(sorted(...info, 'signed_token'));
    await app.close();
  });

  it('returns no token in the body if the request has a cookie', async () => {
    const app = await bootFixtureApp({ TOKEN_COOKIES: 'true' });
    const found = await bodies(app);
    expect(found.refreshByCookie).toEqual(sorted(...csrf, ...rest));
    expect(found.tokenByCookie).toEqual(sorted(...info));
    await app.close();
  });

  it('returns no token in any body with TOKEN_COOKIES=only', async () => {
    const app = await bootFixtureApp({ TOKEN_COOKIES: 'only' });
    const found = await bodies(app);
    for (const names of [found.login, found.refreshByCookie, found.refreshByHeader]) {
      expect(names).toEqual(sorted(...csrf, ...rest));
    }
    expect(found.csrf).toEqual(found.cookieCsrf);
    expect([found.tokenByCookie, found.tokenByHeader]).toEqual([sorted(...info), sorted(...info)]);
    await app.close();
  });

  it('repeats the CSRF value of the refresh token if a refresh does not rotate it', async () => {
    const app = await bootFixtureApp({ TOKEN_COOKIES: 'only', REFRESH_ROTATION: 'false' });
    const login = await app.send('POST', '/auth/login', { json: testUser });
    const cookie = `refresh_token_cookie=${cookiesOf(login).get('refresh_token_cookie')!.value}`;
    const value = String(login.body.csrf_refresh_token);
    const headers = { cookie, 'x-csrf-token': value };
    const { status, body } = await app.send('POST', '/auth/refresh', { headers });
    expect([status, body.csrf_refresh_token]).toEqual([200, value]);
    expect(Object.keys(body).sort()).toEqual(sorted(...csrf, ...rest));
    await app.close();
  });

  it('describes in the OpenAPI document which bodies hold tokens', async () => {
    type Schema = { properties: object; required: string[] };
    const read = async (env: Record<string, string>) => {
      const app = await bootFixtureApp(env);
      const { text } = await app.get('/docs/openapi.json');
      await app.close();
      const { paths, components } = JSON.parse(text) as {
        paths: Record<string, Record<string, { responses: Record<string, object> }>>;
        components: { schemas: Record<string, Schema> };
      };
      return (method: string, path: string) => {
        const response = JSON.stringify(paths[path]![method]!.responses['200']);
        const { properties, required } = components.schemas[/schemas\/(\w+)/.exec(response)![1]!]!;
        const optional = Object.keys(properties).filter((name) => !required.includes(name));
        return { required: [...required].sort(), optional: optional.sort() };
      };
    };
    const tokens = ['access_token', 'refresh_token'];
    const plain = await read({});
    expect(plain('post', '/auth/login').required).toEqual(sorted(...tokens, ...rest));
    const on = await read({ TOKEN_COOKIES: 'true' });
    expect(on('post', '/auth/login')).toEqual({
      required: sorted(...tokens, ...rest, ...csrf),
      optional: [],
    });
    const byCookie = { required: sorted(...rest, ...csrf), optional: tokens };
    expect(on('post', '/auth/refresh')).toEqual(byCookie);
    expect(on('get', '/auth/token')).toEqual({ required: info, optional: ['signed_token'] });
    const only = await read({ TOKEN_COOKIES: 'only' });
    for (const path of ['/auth/login', '/auth/refresh']) {
      expect(only('post', path)).toEqual({ ...byCookie, optional: [] });
    }
    expect(only('get', '/auth/token')).toEqual({ required: info, optional: [] });
  });
});

describe('TOKEN_COOKIES unset', () => {
  it('neither sets nor reads cookies, and binds tokens to no CSRF value', async () => {
    const app = await bootFixtureApp();
    const answer = await app.send('POST', '/auth/login', { json: testUser });
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
