import { afterAll, afterEach, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type * as Api from '../../../../packages/client/src/index.js';
import { describeInBrowser, launchBrowser } from '../../../support/browser.js';
import { bootApp, type TestApp } from '../../../support/test-app.js';
import { freezeTime } from '../../../support/time.js';
import { bundleClient } from '../../bundle-client.js';

const TABS = 10;
const HOUR = 3_600_000;

/** What the scripts of a page find: the bundle, and the storage that all tabs share. */
interface Tab {
  api: typeof Api;
  localStorage: Api.WebStorage;
  client: Api.ApiClient;
}

describeInBrowser('The client in ten tabs', () => {
  let browser: Browser;
  let bundle: string;
  let app: TestApp;
  let context: BrowserContext;
  let tabs: Page[];
  let refreshes: number;

  beforeAll(async () => {
    [browser, bundle] = await Promise.all([launchBrowser(), bundleClient('iife')]);
  }, 60_000);
  afterAll(() => browser.close());
  beforeEach(async () => {
    context = await browser.newContext();
    refreshes = 0;
    context.on('request', (request) => {
      if (request.url().endsWith('/auth/refresh')) refreshes++;
    });
  });
  afterEach(async () => {
    jest.useRealTimers();
    await context.close();
    await app.close();
  });

  /**
   * Opens the tabs of a page of the service, and logs in in the first one. Every client is created
   * before the login, because tabs stay open for days.
   */
  async function openTabs(env: Record<string, string>, { cookies = false } = {}) {
    // A second refresh with the same token is a theft, and ends the session.
    app = await bootApp({ REFRESH_GRACE: '0s', ...env });
    await context.addInitScript({ content: `${bundle};globalThis.api = api;` });
    await context.route(`${app.url}/`, (route) =>
      route.fulfill({ contentType: 'text/html', body: '<h1>The page of a client</h1>' }),
    );
    tabs = await Promise.all(Array.from({ length: TABS }, () => context.newPage()));
    for (const tab of tabs) {
      await tab.goto(app.url);
      await tab.evaluate((withCookies) => {
        const page = globalThis as unknown as Tab;
        const { localStorage: storage } = page;
        page.client = page.api.createClient({ baseUrl: '', storage, cookies: withCookies });
      }, cookies);
    }
    const status = await tabs[0]!.evaluate(async () => {
      const { client } = globalThis as unknown as Tab;
      return (await client.login('user', 'password')).response.status;
    });
    expect(status).toBe(200);
  }

  /** Every tab sends three requests at once. Returns the names that they got. */
  const readNames = async () => {
    const names = await Promise.all(
      tabs.map((tab) =>
        tab.evaluate(async () => {
          const { client } = globalThis as unknown as Tab;
          const results = await Promise.all([1, 2, 3].map(() => client.GET('/auth/me')));
          return results.map(({ data, error }) => data?.name ?? error?.code);
        }),
      ),
    );
    return names.flat();
  };
  const usersName = Array.from({ length: 3 * TABS }, () => 'user');

  it.each([
    ['with Web Locks', true],
    ['without Web Locks, by a lease', false],
  ])(
    'refresh once when the login that they share expires, %s',
    async (_, hasLocks) => {
      if (!hasLocks) {
        await context.addInitScript(() => {
          const { Navigator } = globalThis as unknown as { Navigator: { prototype: object } };
          Object.defineProperty(Navigator.prototype, 'locks', { value: undefined });
        });
      }
      await openTabs({});
      for (let expiry = 1; expiry <= 3; expiry++) {
        freezeTime(Date.now() + HOUR);
        expect(await readNames()).toEqual(usersName);
        expect(refreshes).toBe(expiry);
      }
    },
    120_000,
  );

  it('refresh once in cookie mode, and log out together', async () => {
    await openTabs({ TOKEN_COOKIES: 'only' }, { cookies: true });
    freezeTime(Date.now() + HOUR);
    expect(await readNames()).toEqual(usersName);
    expect(refreshes).toBe(1);
    const ended = await tabs[3]!.evaluate(async () => {
      const { client, localStorage } = globalThis as unknown as Tab;
      const { response } = await client.DELETE('/auth/sessions');
      const status = (await client.logout()).response.status;
      return [response.status, status, localStorage.getItem('login ')];
    });
    // A session from a refresh may not end the others.
    expect(ended).toEqual([401, 200, null]);
    expect(await context.cookies()).toEqual([]);
    expect(new Set(await readNames())).toEqual(new Set(['token_missing']));
  }, 120_000);
});
