import { mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser, Locator, Page } from 'playwright-core';
import { describeInBrowser, launchBrowser } from './support/browser.js';
import { ship } from './support/client.js';
import { DOMAIN, RESOLVE_SIBLINGS, serveSiblingHosts } from './support/sibling-hosts.js';
import { bootApp, SECRET, type TestApp } from './support/test-app.js';
import { engine } from './support/test-database.js';

const screenshots = '.cache/screenshots';

interface Call {
  method?: string;
  path: string;
  json?: object;
  /** The cookie whose value is repeated. */
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
      app = await bootApp();
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

    it('logs in, authorizes with the token and creates a ship', async () => {
      await page.goto(`${app.url}/docs`);
      await page.getByRole('heading', { name: /nest-rest-jwt/ }).waitFor();

      const login = await execute('authLogin', { username: 'user', password: 'password' });
      expect(await login.locator('.response-col_status').innerText()).toMatch(/^200/);
      const json = await login.locator('.response-col_description .microlight').first().innerText();
      const { access_token: token } = JSON.parse(json) as { access_token: string };

      await page.locator('.auth-wrapper .authorize').first().click();
      const dialog = page.locator('.modal-ux');
      await dialog.locator('input').first().fill(token);
      await dialog.getByRole('button', { name: 'Apply credentials' }).first().click();
      await dialog.getByRole('button', { name: 'Close' }).last().click();

      const created = await execute('shipsCreate', {
        affiliation: 'Rebel Alliance',
        category: 'Transports',
        crew: 2,
        length: 35,
        manufacturer: 'Corellian Engineering Corporation',
        model: 'YT-1300',
        roles: ['Freighter'],
        ship_class: 'Light Freighter',
      });
      expect(await created.locator('.response-col_status').innerText()).toMatch(/^201/);
      await created.scrollIntoViewIfNeeded();
      mkdirSync(screenshots, { recursive: true });
      await page.screenshot({ path: `${screenshots}/docs-${engine}.png` });

      const { body } = await app.get<{ model: string }[]>('/api/ships');
      expect(body.at(-1)?.model).toBe('YT-1300');
      expect(errors).toEqual([]);
    }, 60_000);
  });

  describe('A page with TOKEN_COOKIES', () => {
    let app: TestApp;
    let page: Page;

    beforeAll(async () => {
      app = await bootApp({ TOKEN_COOKIES: 'true' });
    }, 60_000);
    beforeEach(async () => {
      page = await (await browser.newContext()).newPage();
      await page.goto(`${app.url}/docs`);
    });
    afterAll(async () => {
      await app.close();
    });

    /** What a script of the page does: it knows no token. */
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

    it('logs in, reads, writes, renews and logs out without seeing a token', async () => {
      const { status, seen } = await login();
      expect(status).toBe(200);
      expect(seen).toMatch(/csrf_access_token=[\w-]{22}/);
      expect(seen).not.toContain('token_cookie');
      expect((await call({ path: '/auth/me' })).status).toBe(200);
      const create = { method: 'POST', path: '/api/ships', json: ship };
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

    it('is not spoken for by a page of another site', async () => {
      await login();
      const foreign: Server = createServer((_, answer) => {
        answer.setHeader('content-type', 'text/html');
        const target = `${app.url}/auth/logout`;
        answer.end(`<form method="post" action="${target}"><button>Win</button></form>`);
      });
      await new Promise<void>((resolve) => foreign.listen(0, '127.0.0.1', resolve));
      // Another site than 127.0.0.1, where the service is.
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
      const app = await bootApp({ ...env, ...more });
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

    it('reads no cookie that the sibling sets, by any name', async () => {
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
      // The browser does send what the sibling set without the prefix.
      expect(await kept('/auth/me')).toContain('access_token_cookie');
      expect(await call('/auth/me')).toBe('token_missing');
      await call('/auth/login', victim);
      expect(await call('/auth/me')).toBe(victim.username);
      await page.goto(hosts.sibling);
      await page.goto(`${hosts.api}/docs`);
      expect(await call('/auth/me')).toBe(victim.username);
      await close();
    }, 60_000);

    it('refuses the doubled cookie that a sibling can plant with COOKIE_DOMAIN', async () => {
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
});
