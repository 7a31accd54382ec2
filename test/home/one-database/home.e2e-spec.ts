import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { ServiceLogger } from '../../../src/logging/service-logger.js';
import { homePage } from '../../../src/home/home-page.js';
import { ServiceProcess } from '../../support/process.js';
import { bootApp, SECRET, type TestApp } from '../../support/test-app.js';
import { createDatabase } from '../../support/test-database.js';

// The service takes seconds to start, and longer on a busy machine.
jest.setTimeout(60_000);

/** The headers that Chromium sends for a page. */
const BROWSER = {
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8',
};

describe('GET /', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootApp();
  });
  afterAll(() => app.close());

  const page = (headers: Record<string, string> = BROWSER) => app.get('/', { headers });

  it('shows a browser what the service is, with addresses that exist', async () => {
    const { status, headers, text } = await page();
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(headers.get('vary')).toBe('Accept');
    const links = [...text.matchAll(/href="([^"]+)"/g)].map(([, link]) => link!);
    expect(links).toEqual(
      ['/docs', '/docs/openapi.json', '/health/ready'].map((path) => app.url + path),
    );
    for (const link of links) expect((await fetch(link)).status).toBe(200);
    const [, address = ''] = /curl ([^\s<]+)/.exec(text)!;
    expect((await fetch(address)).status).toBe(200);
    expect(text).not.toContain('<script');
  });

  it.each([
    ['no Accept header', {}],
    ['Accept: */*', { accept: '*/*' }],
    ['Accept: application/json', { accept: 'application/json' }],
    ['an Accept header that excludes HTML', { accept: 'text/html;q=0, */*' }],
    ['Accept: text/htmlx', { accept: 'text/htmlx' }],
  ])('answers 404 and names the docs to a client with %s', async (_, headers) => {
    const { status, body, headers: sent } = await page(headers);
    expect([status, body.code]).toEqual([404, 'not_found']);
    expect(body.message).toContain(`${app.url}/docs.`);
    expect(sent.get('vary')).toBe('Accept');
    expect(sent.get('content-security-policy')).toMatch(/^default-src 'none';base-uri/);
  });

  it('shows no requests in production, and no docs that are disabled', async () => {
    const env = { NODE_ENV: 'production', DOCS: 'false', PUBLIC_URL: 'https://api.test/base' };
    const production = await bootApp(env);
    const { text } = await production.get('/', { headers: BROWSER });
    const plain = await production.get('/');
    await production.close();
    expect(text.match(/href="[^"]+"/g)).toEqual(['href="https://api.test/base/health/ready"']);
    expect(text).not.toContain('curl');
    expect([plain.status, plain.body.message]).toEqual([404, undefined]);
  });

  it('escapes the host of a request', () => {
    const base = 'http://"><b>';
    const text = homePage({
      ...{ base, docs: true, production: false, logins: [] },
      firstPath: '/health/ready',
    });
    expect(text).not.toContain('<b>');
  });

  it('answers 404 at /api', async () => {
    expect((await app.get('/api', { headers: BROWSER })).status).toBe(404);
  });
});

describe('The output of a start', () => {
  const ADDRESS = /https?:\/\/(?:localhost|127\.0\.0\.1)(?::\d+)?[^\s`"'<>)|\\]*/g;

  it('prints four lines in development, with only addresses that answer', async () => {
    const { name, version } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      name: string;
      version: string;
    };
    const database = await createDatabase();
    const service = ServiceProcess.spawn({ ...database.settings, JWT_SECRET_KEY: SECRET });
    const { url } = await service.client();
    const lines = service.output.trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    const said = [`${name} ${version}`, 'The database is', `${url}/docs`, `The API is at ${url}/`];
    for (const [i, text] of said.entries()) expect(lines[i]).toContain(text);
    for (const address of service.output.match(ADDRESS) ?? []) {
      expect([address, (await fetch(address, { headers: BROWSER })).status]).toEqual([
        address,
        200,
      ]);
    }
    await service.kill('SIGKILL');
    await database.drop();
  });

  it('prints JSON lines in production', async () => {
    const database = await createDatabase();
    const env = {
      NODE_ENV: 'production',
      JWT_SECRET_KEY: SECRET,
      PUBLIC_URL: 'https://api.test',
    };
    const service = ServiceProcess.spawn({ ...database.settings, ...env });
    await service.client();
    const lines = service.output.trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    for (const line of lines) {
      expect(JSON.parse(line)).toMatchObject({ level: 'info', context: 'Main' });
    }
    await service.kill('SIGKILL');
    await database.drop();
  });

  it.each([
    ['info', false],
    ['debug', true],
  ] as const)('prints the routes of Nest with LOG_LEVEL=%s: %s', (level, printed) => {
    let output = '';
    const write = jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
      output += String(text);
      return true;
    });
    new ServiceLogger({ json: true, level }).log(
      'Mapped {/api/users, GET} route',
      'RouterExplorer',
    );
    write.mockRestore();
    expect(output.includes('Mapped {/api/users, GET} route')).toBe(printed);
  });
});
