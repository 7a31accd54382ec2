import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { OpenAPIObject } from '@nestjs/swagger';
import { buildDocument } from '../../../src/openapi/document.js';
import { allRoutes } from '../../support/features.js';
import { bootFixtureApp } from '../../support/fixture-app.js';
import type { TestApp } from '../../support/test-app.js';

/** The routes that the features of one folder leave open, in `test/<feature>/open-routes.json`. */
const ofFeatures = readdirSync('test')
  .map((feature) => join('test', feature, 'open-routes.json'))
  .filter((file) => existsSync(file))
  .flatMap((file) => JSON.parse(readFileSync(file, 'utf8')) as string[]);

/** Every route that answers without a token. Every other route requires one, and need not be listed. */
const OPEN = [
  ...ofFeatures,
  'GET /',
  'GET /.well-known/jwks.json',
  'GET /api/crates',
  'GET /api/crates/:id',
  'GET /api/users',
  'GET /api/users/:id',
  'GET /docs',
  'GET /docs/openapi.json',
  'GET /health/live',
  'GET /health/ready',
  // In development, for programs of the same machine.
  'GET /metrics',
  'POST /api/users',
  'POST /auth/login',
];

/** The files that Swagger UI consists of. */
const DOCS_FILES = 'GET /docs/';

const methods = ['get', 'post', 'put', 'delete', 'patch'] as const;

describe('Routes', () => {
  let app: TestApp;
  let document: OpenAPIObject;

  beforeAll(async () => {
    // With the routes of all features that can be turned off.
    app = await bootFixtureApp(allRoutes);
    document = buildDocument(app.app, app.config);
  });
  afterAll(() => app.close());

  const routes = (): string[] => {
    // Fastify prints its router as a tree, in which each leaf names its methods.
    const instance = app.app.getHttpAdapter().getInstance();
    const lines = instance.printRoutes({ commonPrefix: false }).split('\n');
    const path: string[] = [];
    return lines.flatMap((line) => {
      const match = /^([│ ]*)(?:├── |└── )(.*?)(?: \(([A-Z, ]+)\))?$/.exec(line);
      if (!match) return [];
      const depth = match[1]!.length / 4;
      path.splice(depth, path.length, match[2]!);
      const verbs = (match[3] ?? '').split(', ').filter((verb) => verb && verb !== 'HEAD');
      return verbs.map((verb) => `${verb} ${path.join('')}`);
    });
  };

  /** The security scheme of a route in the document; undefined if the route takes no credentials. */
  const tokenOf = (route: string): string | undefined => {
    const [method = '', path = ''] = route.split(' ');
    const item = document.paths[path.replace(/:(\w+)/, '{$1}')];
    const operation = item?.[method.toLowerCase() as (typeof methods)[number]];
    return operation?.security?.flatMap((each) => Object.keys(each))[0];
  };

  it('has all listed routes', () => {
    expect(routes()).toEqual(expect.arrayContaining(OPEN));
  });

  it('refuses every route that is not listed without a token, whatever else is sent', async () => {
    const closed = routes().filter(
      (route) => !OPEN.includes(route) && !route.startsWith(DOCS_FILES),
    );
    expect(closed).toEqual(expect.arrayContaining(['GET /auth/me', 'POST /api/crates']));
    for (const route of closed) {
      const [method = '', pattern = ''] = route.split(' ');
      const path = pattern.replace(/:\w+/, '1');
      for (const json of [undefined, {}, { id: 'bad' }]) {
        const sent = await app.send(method, path, { ...(method !== 'GET' && { json }) });
        // A feature whose token has its own header may have its own messages.
        const hasOwnErrors = tokenOf(route)?.startsWith('header.') ?? false;
        const expected = hasOwnErrors ? {} : { code: 'token_missing' };
        expect([route, sent.status, sent.body]).toMatchObject([route, 401, expected]);
      }
      const slashed = await app.send(method, `${path}/`);
      const doubled = await app.send(method, `/${path}`);
      const upper = await app.send(method, path.toUpperCase());
      for (const { status } of [slashed, doubled, upper])
        expect([route, status]).toEqual([route, 404]);
    }
  });

  it('serves only the files of Swagger UI that the page loads', async () => {
    const files = routes().filter((each) => each.startsWith(DOCS_FILES) && !OPEN.includes(each));
    for (const route of files) {
      const { status } = await app.get(route.split(' ')[1]!.replace('*', 'package.json'));
      // The first path redirects to the page, whose address ends without a slash.
      const isShown = /^GET \/docs\/[\w-]+(?:\.css|\.png|-bundle\.js|-preset\.js|-init\.js)$/.test(
        route,
      );
      expect([route, status]).toEqual([route, route === DOCS_FILES ? 308 : isShown ? 200 : 404]);
    }
  });

  it.each(OPEN)('answers %s without a token', async (route) => {
    const [method = '', pattern = ''] = route.split(' ');
    const { status } = await app.send(method, pattern.replace(/:\w+/, '1'), {
      ...(method !== 'GET' && { json: {} }),
      headers: { accept: 'text/html' },
    });
    // A login by HTTP Basic answers 401 if credentials are missing.
    if (tokenOf(route) !== 'basic') expect(status).not.toBe(401);
    // A row may not exist.
    expect([route, status]).not.toEqual([route, 403]);
    expect(status).toBeLessThan(route.includes(':id') ? 405 : 404);
  });

  it('describes in the OpenAPI document which token each route requires', () => {
    // HTML pages and metrics are not operations of the API.
    const documented = routes().filter(
      (route) => !['GET /', 'GET /metrics'].includes(route) && !route.includes('/docs'),
    );
    expect(documented.length).toBeGreaterThan(20);
    for (const route of documented) {
      const token = tokenOf(route);
      if (OPEN.includes(route)) expect([undefined, 'basic']).toContain(token);
      else expect(token).toMatch(/^((access|refresh)_token|header\.[\w-]+)$/);
    }
    const operations = Object.entries(document.paths).flatMap(([path, item]) =>
      methods.flatMap((method) =>
        item[method] ? [`${method.toUpperCase()} ${path.replace(/\{(\w+)\}/, ':$1')}`] : [],
      ),
    );
    expect(operations.sort()).toEqual(documented.sort());
  });
});
