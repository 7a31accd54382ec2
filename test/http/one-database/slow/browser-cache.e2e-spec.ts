import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { describeInBrowser, launchBrowser } from '../../../support/browser.js';
import { passOn } from '../../../support/http-proxy.js';
import { bootFixtureApp } from '../../../support/fixture-app.js';
import type { TestApp } from '../../../support/test-app.js';

/** What reached the service, as `path status`, with a star if the request had `If-None-Match`. */
type Traffic = string[];

/** Passes requests on to the service, and records them: a browser hides its 304 from pages. */
async function startProxy(
  target: string,
  traffic: Traffic,
): Promise<{ url: string; server: Server }> {
  const server = createServer((incoming, outgoing) => {
    const { headers, url } = incoming;
    passOn(target, incoming, outgoing, ({ statusCode }) => {
      const star = headers['if-none-match'] === undefined ? '' : '*';
      traffic.push(`${url}${star} ${statusCode}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

describeInBrowser('The cache of a browser', () => {
  let app: TestApp;
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  let browser: Browser;
  let page: Page;
  let token: string;
  const traffic: Traffic = [];

  beforeAll(async () => {
    app = await bootFixtureApp();
    ({ access: token } = await app.newLogin());
    proxy = await startProxy(app.url, traffic);
    browser = await launchBrowser();
    page = await browser.newPage();
    // Its policy lets scripts read from the service.
    await page.goto(`${proxy.url}/docs`);
  }, 60_000);
  afterAll(async () => {
    await browser.close();
    proxy.server.close();
    await app.close();
  });

  /** What a page of the service reads, and what reached the service for it. */
  const read = async (path: string, headers: Record<string, string> = {}) => {
    traffic.length = 0;
    const call = `fetch(${JSON.stringify(path)}, { headers: ${JSON.stringify(headers)} }).then((r) => r.text())`;
    const text = await page.evaluate<string>(call);
    // The page itself loads files, too.
    return { text, traffic: traffic.filter((line) => !line.startsWith('/docs')) };
  };

  it('asks each time whether a resource has changed, uses its copy after a 304, and never a stale row', async () => {
    const { id } = await app.newCrate(token);
    const path = `/api/crates/${id}`;
    const first = await read(path);
    expect(first.traffic).toEqual([`${path} 200`]);
    const second = await read(path);
    expect(second).toEqual({ text: first.text, traffic: [`${path}* 304`] });
    await app.send('PATCH', path, { json: { count: 3 }, token });
    const third = await read(path);
    expect(third.traffic).toEqual([`${path}* 200`]);
    expect(JSON.parse(third.text)).toMatchObject({ id, count: 3 });
  });

  it('does the same with lists', async () => {
    const path = '/api/crates?sort=-id&limit=1';
    const first = await read(path);
    expect((await read(path)).traffic).toEqual([`${path}* 304`]);
    const { id } = await app.newCrate(token);
    const changed = await read(path);
    expect(changed.traffic).toEqual([`${path}* 200`]);
    expect(changed.text).not.toBe(first.text);
    expect(JSON.parse(changed.text)).toMatchObject([{ id }]);
  });

  it('keeps nothing that needed a token', async () => {
    const headers = { authorization: `Bearer ${token}` };
    for (const path of ['/api/scrolls', '/auth/me']) {
      await read(path, headers);
      expect((await read(path, headers)).traffic).toEqual([`${path} 200`]);
    }
  });
});
