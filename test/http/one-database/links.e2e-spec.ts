import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { crate } from '../../support/fixture/crates.js';
import { ServiceProcess } from '../../support/process.js';
import { bootFixtureApp } from '../../support/fixture-app.js';
import { SECRET, type TestApp } from '../../support/test-app.js';
import { createDatabase } from '../../support/test-database.js';

const production = { NODE_ENV: 'production', JWT_SECRET_KEY: SECRET };
const FORGED = { host: 'evil.example' };
const FORWARDED = {
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'gopher',
  'x-forwarded-port': '666',
  'x-forwarded-prefix': '/evil.example',
  forwarded: 'host=evil.example;proto=gopher',
};

interface Sent {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

/** A request whose `Host` is forged, which `fetch` may refuse to send. */
function send(app: TestApp, { method = 'GET', path, headers = {}, body }: Sent) {
  const { hostname, port } = new URL(app.url);
  return new Promise<{ status: number; headers: Record<string, unknown>; text: string }>(
    (resolve, reject) => {
      const sent = request({ hostname, port, method, path, headers }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.on('end', () =>
          resolve({ status: answer.statusCode!, headers: answer.headers, text }),
        );
      });
      sent.on('error', reject).end(body);
    },
  );
}

async function references(app: TestApp, headers: Record<string, string> = {}) {
  const { access } = await app.newLogin();
  for (let i = 0; i < 2; i++) await app.newCrate(access);
  const list = await send(app, { path: '/api/crates?limit=1', headers });
  const created = await send(app, {
    method: 'POST',
    path: '/api/crates',
    headers: {
      authorization: `Bearer ${access}`,
      'content-type': 'application/json',
      ...headers,
    },
    body: JSON.stringify(crate),
  });
  const { id } = JSON.parse(created.text || '{}') as { id?: number };
  return {
    status: [list.status, created.status],
    link: list.headers.link as string | undefined,
    location: created.headers.location as string | undefined,
    id,
  };
}

describe('Links in production without PUBLIC_URL', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await bootFixtureApp({ ...production, TRUST_PROXY: '127.0.0.1' });
  });
  afterAll(() => app.close());

  it.each([
    ['a forged Host', FORGED],
    ['forged forwarding headers of a trusted proxy', FORWARDED],
    ['a malformed forwarded host', { 'x-forwarded-host': 'x">,<y' }],
  ])('sends absolute paths in Location and Link, whatever %s says', async (_, headers) => {
    const { status, link, location, id } = await references(app, headers);
    expect(status).toEqual([200, 201]);
    expect(location).toBe(`/api/crates/${id}`);
    expect(link).toMatch(/^<\/api\/crates\?limit=1&cursor=[\w.%-]+>; rel="next"$/);
  });

  it('puts no host of an absolute request target into a link', async () => {
    const { link } = await references(app);
    const { headers } = await send(app, { path: 'http://evil.example/api/crates?limit=1' });
    expect(headers.link).toBe(link);
  });

  it('answers a request target that starts with two slashes with 404 and without a link', async () => {
    for (const path of ['//api/crates?limit=1', '//evil.example/api/crates', '/\\evil.example']) {
      const { status, headers } = await send(app, { path });
      expect([path, status, headers.link]).toEqual([path, 404, undefined]);
    }
  });

  it('repeats the host of a request in no response', async () => {
    const paths = ['/docs', '/docs/', '/docs/openapi.json', '/docs/swagger-ui-init.js', '/api'];
    paths.push('/.well-known/jwks.json', '/api/crates', '/api/crates/0', '/auth/me', '/%zz', '/x');
    for (const path of paths) {
      const { headers, text } = await send(app, { path, headers: { ...FORGED, ...FORWARDED } });
      expect(`${path}: ${JSON.stringify(headers)}${text}`).not.toContain('evil.example');
    }
  });

  it('refuses a malformed Host header', async () => {
    const { status } = await send(app, { path: '/nowhere', headers: { host: 'x">,<y' } });
    expect(status).toBe(400);
  });

  it('sends a link to the next page that a client can follow', async () => {
    const { link } = await references(app);
    const next = /<(.+)>; rel="next"/.exec(link ?? '')![1]!;
    const url = new URL(next, app.url);
    expect(url.origin).toBe(app.url);
    const { status, body } = await app.get<{ id: number }[]>(url.pathname + url.search);
    expect([status, body.length]).toEqual([200, 1]);
  });
});

describe('Links with PUBLIC_URL', () => {
  it.each([
    ['https://api.example.com', 'https://api.example.com'],
    ['https://example.com/shop/', 'https://example.com/shop'],
  ])('starts Location and Link with the PUBLIC_URL %s', async (PUBLIC_URL, base) => {
    for (const env of [{}, production]) {
      const app = await bootFixtureApp({ ...env, PUBLIC_URL, TRUST_PROXY: '127.0.0.1' });
      const { status, link, location, id } = await references(app, { ...FORGED, ...FORWARDED });
      expect(status).toEqual([200, 201]);
      expect(location).toBe(`${base}/api/crates/${id}`);
      expect(link?.startsWith(`<${base}/api/crates?limit=1&cursor=`)).toBe(true);
      const { body } = await app.get('/docs/openapi.json');
      expect(body.servers).toEqual([{ url: base }]);
      await app.close();
    }
  });
});

describe('Links in development without PUBLIC_URL', () => {
  it('names the host of the request in Location and Link in development', async () => {
    const app = await bootFixtureApp();
    const { link, location, id } = await references(app, { host: 'dev.example:3000' });
    expect(location).toBe(`http://dev.example:3000/api/crates/${id}`);
    expect(link).toMatch(/^<http:\/\/dev\.example:3000\/api\/crates\?/);
    await app.close();
  });

  it('uses a forwarded host only from a trusted proxy', async () => {
    const headers = { 'x-forwarded-host': 'dev.example', 'x-forwarded-proto': 'https' };
    const trusting = await bootFixtureApp({ TRUST_PROXY: '127.0.0.1' });
    const { location, id } = await references(trusting, headers);
    expect(location).toBe(`https://dev.example/api/crates/${id}`);
    for (const forwarded of [{ 'x-forwarded-host': 'x">,<y' }, { 'x-forwarded-proto': 'gopher' }]) {
      const { status } = await send(trusting, { path: '/nowhere', headers: forwarded });
      expect([forwarded, status]).toEqual([forwarded, 400]);
    }
    await trusting.close();

    const other = await bootFixtureApp({ TRUST_PROXY: '192.0.2.1' });
    const own = await references(other, headers);
    expect(own.location).toBe(`${other.url}/api/crates/${own.id}`);
    await other.close();
  });
});

describe('The OpenAPI document', () => {
  it('documents Location as a uri-reference, and allows paths in Link', async () => {
    const app = await bootFixtureApp();
    const { text } = await app.get('/docs/openapi.json');
    const { Location, Link } = (
      JSON.parse(text) as { components: { headers: Record<string, { schema: object }> } }
    ).components.headers;
    expect(Location!.schema).toEqual({ type: 'string', format: 'uri-reference' });
    const { schema } = Link!;
    const pattern = new RegExp((schema as { pattern: string }).pattern);
    for (const link of ['</api/crates?x>; rel="next"', '<https://a/api/crates?x>; rel="next"']) {
      expect(link).toMatch(pattern);
    }
    expect('<//evil.example/api/crates>; rel="next"').not.toMatch(pattern);
    await app.close();
  });
});

describe('The start in production', () => {
  it('warns once of a missing PUBLIC_URL and of a COOKIE_DOMAIN at a start in production', async () => {
    const database = await createDatabase();
    const settings = { ...database.settings, ...production, TOKEN_COOKIES: 'true' };
    const bare = ServiceProcess.spawn({ ...settings, COOKIE_DOMAIN: 'example.com' });
    await bare.client();
    await bare.kill('SIGTERM');
    expect(bare.output.match(/PUBLIC_URL is not set/g)).toHaveLength(1);
    expect(bare.output.match(/every host below example\.com/g)).toHaveLength(1);

    const complete = ServiceProcess.spawn({ ...settings, PUBLIC_URL: 'https://api.example.com' });
    await complete.client();
    await complete.kill('SIGTERM');
    expect(complete.output).not.toMatch(/PUBLIC_URL|COOKIE_DOMAIN/);
    await database.drop();
  }, 60_000);
});
