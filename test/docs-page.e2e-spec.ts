import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Locator, Page } from 'playwright-core';
import { describeInBrowser, launchBrowser } from './support/browser.js';
import { bootApp, type TestApp } from './support/test-app.js';
import { engine } from './support/test-database.js';

const screenshots = '.cache/screenshots';

describeInBrowser('Swagger UI', () => {
  let app: TestApp;
  let browser: Browser;
  let page: Page;
  const errors: string[] = [];

  beforeAll(async () => {
    app = await bootApp();
    browser = await launchBrowser();
    page = await browser.newPage({ viewport: { width: 1280, height: 1600 } });
    page.on('pageerror', (error) => errors.push(error.message));
  }, 60_000);
  afterAll(async () => {
    await browser.close();
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
