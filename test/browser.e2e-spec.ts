import { mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser, Locator, Page } from 'playwright-core';
import { describeInBrowser, launchBrowser } from './support/browser.js';
import { ship } from './support/client.js';
import { bootApp, type TestApp } from './support/test-app.js';
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
    browser = await launchBrowser();
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

    it('sends the refresh token to /auth alone', async () => {
      await login();
      const at = async (path: string) =>
        (await page.context().cookies(app.url + path)).map(({ name }) => name);
      expect(await at('/auth/refresh')).toContain('refresh_token_cookie');
      expect(await at('/api/ships')).not.toContain('refresh_token_cookie');
      expect(await at('/api/ships')).toContain('access_token_cookie');
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
});
