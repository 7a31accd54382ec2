import { mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser, Locator, Page } from 'playwright-core';
import { packageInfo } from '../../../../src/config/package-info.js';
import { describeInBrowser, launchBrowser } from '../../../support/browser.js';
import { crate } from '../../../support/fixture/crates.js';
import { DOMAIN, RESOLVE_SIBLINGS, serveSiblingHosts } from '../../../support/sibling-hosts.js';
import { bootFixtureApp } from '../../../support/fixture-app.js';
import { SECRET, type TestApp } from '../../../support/test-app.js';
import { engine } from '../../../support/test-database.js';

const screenshots = '.cache/screenshots';

interface Call {
  method?: string;
  path: string;
  json?: object;
  /** The name of the cookie whose value is sent as `X-CSRF-TOKEN`. */
  csrf?: string;
}

describeInBrowser('In a browser', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchBrowser(RESOLVE_SIBLINGS);
  }, 60_000);
  afterAll(() => browser.close());

  describe('Swagger UI', () => {
    let app: TestApp;
    let page: Page;
    const errors: string[] = [];

    beforeAll(async () => {
      app = await bootFixtureApp();
      page = await browser.newPage({ viewport: { width: 1280, height: 1600 } });
      page.on('pageerror', (error) => errors.push(error.message));
    }, 60_000);
    afterAll(async () => {
      await app.close();
    });

    const operation = (id: string): Locator => page.locator(`[id$="-${id}"]`);

    async function execute(id: string, body?: object): Promise<Locator> {
      const block = operation(id);
      await block.locator('.opblock-summary-control').click();
      await block.getByRole('button', { name: 'Try it out' }).click();
      if (body) await block.locator('textarea').first().fill(JSON.stringify(body));
      await block.getByRole('button', { name: 'Execute' }).click();
      const answer = block.locator('.live-responses-table .response').first();
      await answer.waitFor();
      return answer;
    }

    it('shows a styled page at / that loads no other file and leads to Swagger UI', async () => {
      const home = await browser.newPage({ viewport: { width: 900, height: 760 } });
      const console: string[] = [];
      const requests: string[] = [];
      home.on('console', (message) => console.push(message.text()));
      home.on('request', (request) => requests.push(new URL(request.url()).pathname));
      await home.goto(app.url);
      const background = () =>
        home.evaluate<string>('getComputedStyle(document.body).backgroundColor');
      mkdirSync(screenshots, { recursive: true });
      const backgrounds: string[] = [];
      for (const colorScheme of ['light', 'dark'] as const) {
        await home.emulateMedia({ colorScheme });
        backgrounds.push(await background());
        await home.screenshot({ path: `${screenshots}/home-${colorScheme}.png` });
      }
      expect(backgrounds[1]).toBe('rgb(20, 23, 28)');
      expect(backgrounds[0]).not.toBe(backgrounds[1]);
      expect(await home.locator('table').first().innerText()).toContain('/health/ready');
      // A browser requests the icon by itself.
      expect(requests.filter((path) => path !== '/favicon.ico')).toEqual(['/']);
      expect(console).toEqual([]);
      await home.getByRole('link', { name: '/docs', exact: true }).click();
      await home.getByRole('heading', { name: packageInfo.name }).waitFor();
      await home.close();
    }, 60_000);

    it('logs in, authorizes with the token and creates a crate in Swagger UI', async () => {
      await page.goto(`${app.url}/docs`);
      await page.getByRole('heading', { name: packageInfo.name }).waitFor();
      const tags = page.locator('.opblock-tag');
      await tags.first().waitFor();
      expect(await tags.first().getAttribute('data-tag')).toBe('Authentication');
      expect(await tags.last().getAttribute('data-tag')).toBe('Health');

      const login = await execute('authLogin', { username: 'user', password: 'password' });
      expect(await login.locator('.response-col_status').innerText()).toMatch(/^200/);
      const json = await login.locator('.response-col_description .microlight').first().innerText();
      const { access_token: token } = JSON.parse(json) as { access_token: string };

      await page.locator('.auth-wrapper .authorize').first().click();
      const dialog = page.locator('.modal-ux');
      await dialog.locator('input#auth-bearer-value:focus').first().waitFor();
      expect(await dialog.locator('code').first().innerText()).toBe('access_token');
      await dialog.locator('input').first().fill(token);
      await dialog.getByRole('button', { name: 'Apply credentials' }).first().click();
      await dialog.getByRole('button', { name: 'Close' }).last().click();

      const created = await execute('cratesCreate', { ...crate, label: 'From the browser' });
      expect(await created.locator('.response-col_status').innerText()).toMatch(/^201/);
      await created.scrollIntoViewIfNeeded();
      mkdirSync(screenshots, { recursive: true });
      await page.screenshot({ path: `${screenshots}/docs-${engine}.png` });

      const { body } = await app.get<{ label: string }[]>('/api/crates');
      expect(body.at(-1)?.label).toBe('From the browser');
      expect(errors).toEqual([]);
    }, 60_000);
  });

  describe('A page with TOKEN_COOKIES', () => {
    let app: TestApp;
    let page: Page;

    beforeAll(async () => {
      app = await bootFixtureApp({ TOKEN_COOKIES: 'true' });
    }, 60_000);
    beforeEach(async () => {
      page = await (await browser.newContext()).newPage();
      await page.goto(`${app.url}/docs`);
    });
    afterAll(async () => {
      await app.close();
    });

    /** Sends a request as a script of the page, which cannot read the tokens. */
    const call = ({ method = 'GET', path, json, csrf }: Call) =>
      page.evaluate(
        async ([verb, url, body, cookie]) => {
          const { document } = globalThis as unknown as { document: { cookie: string } };
          const value = new RegExp(`(?:^|; )${cookie}=([^;]*)`).exec(document.cookie)?.[1];
          const answer = await fetch(url, {
            method: verb,
            headers: {
              ...(body && { 'content-type': 'application/json' }),
              ...(value !== undefined && { 'x-csrf-token': value }),
            },
            ...(body && { body }),
          });
          return { status: answer.status, seen: document.cookie };
        },
        [method, path, json ? JSON.stringify(json) : '', csrf ?? 'none'] as const,
      );
    const login = () =>
      call({
        method: 'POST',
        path: '/auth/login',
        json: { username: 'user', password: 'password' },
      });

    it('logs in, reads, writes, refreshes and logs out by cookie without reading a token', async () => {
      const { status, seen } = await login();
      expect(status).toBe(200);
      expect(seen).toMatch(/csrf_access_token=[\w-]{22}/);
      expect(seen).not.toContain('token_cookie');
      expect((await call({ path: '/auth/me' })).status).toBe(200);
      const create = { method: 'POST', path: '/api/crates', json: crate };
      expect((await call(create)).status).toBe(401);
      expect((await call({ ...create, csrf: 'csrf_access_token' })).status).toBe(201);
      const refresh = { method: 'POST', path: '/auth/refresh' };
      expect((await call({ ...refresh, csrf: 'csrf_access_token' })).status).toBe(401);
      expect((await call({ ...refresh, csrf: 'csrf_refresh_token' })).status).toBe(200);
      expect((await call({ ...create, csrf: 'csrf_access_token' })).status).toBe(201);
      const logout = { method: 'DELETE', path: '/auth/logout2', csrf: 'csrf_refresh_token' };
      expect(await call(logout)).toEqual({ status: 200, seen: '' });
      expect((await call({ path: '/auth/me' })).status).toBe(401);
      expect(await page.context().cookies()).toEqual([]);
    }, 60_000);

    it('sends no token cookie with a form of another site', async () => {
      await login();
      const foreign: Server = createServer((_, answer) => {
        answer.setHeader('content-type', 'text/html');
        const target = `${app.url}/auth/logout`;
        answer.end(`<form method="post" action="${target}"><button>Win</button></form>`);
      });
      await new Promise<void>((resolve) => foreign.listen(0, '127.0.0.1', resolve));
      // For a browser, localhost is a different site than 127.0.0.1, where the service listens.
      await page.goto(`http://localhost:${(foreign.address() as AddressInfo).port}/`);
      const [request] = await Promise.all([
        page.waitForRequest(`${app.url}/auth/logout`),
        page.getByRole('button').click(),
      ]);
      expect((await request.allHeaders()).cookie ?? '').not.toContain('access_token_cookie');
      await page.waitForURL(`${app.url}/auth/logout`);
      await page.goto(`${app.url}/docs`);
      expect((await call({ path: '/auth/me' })).status).toBe(200);
      foreign.close();
    }, 60_000);
  });

  describe('A page with TOKEN_COOKIES in production, beside a hostile page of a sibling domain', () => {
    const env = { NODE_ENV: 'production', TOKEN_COOKIES: 'true', JWT_SECRET_KEY: SECRET };
    const victim = { username: 'the victim', password: 'the password of the victim' };
    const attacker = { username: 'the attacker', password: 'the password of the attacker' };

    async function setUp(more: Record<string, string>) {
      const app = await bootFixtureApp({ ...env, ...more });
      for (const { username: name, password } of [victim, attacker]) {
        await app.send('POST', '/api/users', { json: { name, password } });
      }
      const { body } = await app.send('POST', '/auth/login', { json: attacker });
      const hosts = await serveSiblingHosts(app.url);
      const context = await browser.newContext({ ignoreHTTPSErrors: true });
      const page = await context.newPage();
      const call = (path: string, json?: object) =>
        page.evaluate(
          async ([url, sent]) => {
            const init = { method: 'POST', headers: { 'content-type': 'application/json' } };
            const answer = await fetch(url, sent === '' ? {} : { ...init, body: sent });
            const { code, name } = (await answer.json()) as { code?: string; name?: string };
            return code ?? name;
          },
          [path, json ? JSON.stringify(json) : ''] as const,
        );
      return {
        ...{ hosts, page, call },
        token: String(body.access_token),
        kept: async (path: string) =>
          (await context.cookies(hosts.api + path)).map(({ name }) => name),
        close: async () => {
          await context.close();
          hosts.close();
          await app.close();
        },
      };
    }

    it('reads no cookie that a sibling domain sets, by any name', async () => {
      const { hosts, page, call, token, kept, close } = await setUp({});
      const name = '__Host-access_token_cookie';
      const everywhere = `Domain=${DOMAIN}; Path=/; Secure`;
      hosts.planted.push(
        `${name}=${token}; ${everywhere}`,
        `${name}=${token}; Path=/; Secure`,
        `access_token_cookie=${token}; ${everywhere}`,
        `__Secure-access_token_cookie=${token}; ${everywhere}`,
        `__host-access_token_cookie=${token}; ${everywhere}`,
        `=${name}=${token}; ${everywhere}`,
        `\u00a0${name}=${token}; ${everywhere}`,
        `\u00e2\u0080\u0080${name}=${token}; ${everywhere}`,
      );
      await page.goto(hosts.sibling);
      await page.goto(`${hosts.api}/docs`);
      // The browser does send the cookie that the sibling set without the prefix.
      expect(await kept('/auth/me')).toContain('access_token_cookie');
      expect(await call('/auth/me')).toBe('token_missing');
      await call('/auth/login', victim);
      expect(await call('/auth/me')).toBe(victim.username);
      await page.goto(hosts.sibling);
      await page.goto(`${hosts.api}/docs`);
      expect(await call('/auth/me')).toBe(victim.username);
      await close();
    }, 60_000);

    it('refuses a duplicate cookie that a sibling domain can plant with COOKIE_DOMAIN', async () => {
      const { hosts, page, call, token, kept, close } = await setUp({ COOKIE_DOMAIN: DOMAIN });
      await page.goto(`${hosts.api}/docs`);
      await call('/auth/login', victim);
      expect(await call('/auth/me')).toBe(victim.username);
      const name = '__Secure-access_token_cookie';
      hosts.planted.push(`${name}=${token}; Domain=${DOMAIN}; Path=/auth; Secure`);
      await page.goto(hosts.sibling);
      await page.goto(`${hosts.api}/docs`);
      expect((await kept('/auth/me')).filter((each) => each === name)).toHaveLength(2);
      expect(await call('/auth/me')).toBe('token_invalid');
      await close();
    }, 60_000);
  });

  describe('A page of app.company.test with its API on api.company.test', () => {
    const user = { username: 'user', password: 'password' };
    const inProduction = { NODE_ENV: 'production', FLASK_COMPAT: 'true' };

    /** A service with cookies and CORS, and its page in a separate browser context. */
    async function setUp(more: Record<string, string>) {
      const hosts = await serveSiblingHosts();
      const env = { CORS_ORIGINS: hosts.app, COOKIE_DOMAIN: DOMAIN, JWT_SECRET_KEY: SECRET };
      let app = await bootFixtureApp({ ...env, TOKEN_COOKIES: 'true', ...more });
      if ('NODE_ENV' in more) app = await app.restart(inProduction);
      hosts.target = app.url;
      const context = await browser.newContext({ ignoreHTTPSErrors: true });
      const page = await context.newPage();
      return {
        ...{ hosts, page, app, cookies: () => context.cookies() },
        call: callFrom(page, hosts.api),
        close: async () => {
          await context.close();
          hosts.close();
          await app.close();
        },
      };
    }

    /** Sends a request as a script of the page, which cannot read the cookies of another host. */
    function callFrom(page: Page, api: string) {
      return (
        method: string,
        path: string,
        { csrf = '', json }: { csrf?: string; json?: object },
      ) =>
        page.evaluate(
          async ([url, verb, value, body]) => {
            const answer = await fetch(url, {
              method: verb,
              credentials: 'include',
              headers: {
                ...(body && { 'content-type': 'application/json' }),
                ...(value && { 'x-csrf-token': value, 'x-request-id': 'from-the-page' }),
              },
              ...(body && { body }),
            });
            const text = await answer.text();
            return {
              status: answer.status,
              body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
              location: answer.headers.get('location'),
              id: answer.headers.get('x-request-id'),
            };
          },
          [api + path, method, csrf, json ? JSON.stringify(json) : ''] as const,
        );
    }

    it.each([
      [
        'in production with TOKEN_COOKIES=only',
        { NODE_ENV: 'test', TOKEN_COOKIES: 'only' },
        '__Secure-',
      ],
      ['in development', {}, ''],
    ])(
      'logs in, writes, refreshes and logs out by cookie from another origin %s',
      async (_, env, prefix) => {
        const { hosts, page, call, cookies, close } = await setUp(env);
        await page.goto(hosts.app);
        const login = await call('POST', '/auth/login', { json: user });
        expect(login.status).toBe(200);
        expect('access_token' in login.body).toBe(!('TOKEN_COOKIES' in env));
        const kept = await cookies();
        expect(kept.map(({ name }) => name).sort()).toEqual([
          ...[`${prefix}access_token_cookie`, `${prefix}csrf_access_token`],
          ...[`${prefix}csrf_refresh_token`, `${prefix}refresh_token_cookie`],
        ]);
        for (const { domain } of kept) expect(domain).toBe(`.${DOMAIN}`);

        expect((await call('GET', '/auth/me', {})).body.name).toBe('user');
        expect((await call('POST', '/api/crates', { json: crate })).body.code).toBe('csrf_failed');
        const create = { csrf: String(login.body.csrf_access_token), json: crate };
        const created = await call('POST', '/api/crates', create);
        expect([created.status, created.id]).toEqual([201, 'from-the-page']);
        expect(created.location).toMatch(/\/api\/crates\/\d+$/);
        const changed = await call('PUT', `/api/crates/${String(created.body.id)}`, create);
        expect(changed.status).toBe(200);

        const refresh = { csrf: String(login.body.csrf_refresh_token) };
        const refreshed = await call('POST', '/auth/refresh', refresh);
        expect([refreshed.status, 'access_token' in refreshed.body]).toEqual([200, false]);
        const next = { csrf: String(refreshed.body.csrf_access_token), json: crate };
        expect((await call('POST', '/api/crates', next)).status).toBe(201);

        const end = { csrf: String(refreshed.body.csrf_refresh_token) };
        expect((await call('DELETE', '/auth/logout2', end)).status).toBe(200);
        expect(await cookies()).toEqual([]);
        expect((await call('GET', '/auth/me', {})).body.code).toBe('token_missing');
        await close();
      },
      60_000,
    );

    it('lets no page of an origin that CORS_ORIGINS does not name read or write', async () => {
      const { hosts, page, call, app, close } = await setUp({});
      await page.goto(hosts.app);
      const { body } = await call('POST', '/auth/login', { json: user });
      await page.goto(hosts.sibling);
      const csrf = String(body.csrf_access_token);
      await expect(call('GET', '/auth/me', {})).rejects.toThrow(/Failed to fetch/);
      await expect(call('POST', '/api/crates', { csrf, json: crate })).rejects.toThrow(/Failed/);
      expect((await app.get<unknown[]>('/api/crates')).body).toHaveLength(15);
      await close();
    }, 60_000);

    it('logs in again after COOKIE_DOMAIN was set or removed', async () => {
      const first = await setUp({});
      const { hosts, page, call, cookies } = first;
      await page.goto(hosts.app);
      let app = first.app;
      for (const domain of ['', DOMAIN, `api.${DOMAIN}`]) {
        expect((await call('POST', '/auth/login', { json: user })).status).toBe(200);
        app = await app.restart({ COOKIE_DOMAIN: domain });
        hosts.target = app.url;
        expect((await call('POST', '/auth/login', { json: user })).status).toBe(200);
        expect(await cookies()).toHaveLength(4);
        expect((await call('GET', '/auth/me', {})).body.name).toBe('user');
      }
      await app.close();
      await first.close().catch(() => undefined);
    }, 60_000);
  });
});
