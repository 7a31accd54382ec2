import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { OpenAPIObject } from '@nestjs/swagger';
import { buildDocument } from '../../../src/openapi/document.js';
import { bootApp, type TestApp } from '../../support/test-app.js';

/** Every route that answers without a token. Every other route must require one. */
const OPEN = [
  'GET /',
  'GET /.well-known/jwks.json',
  'GET /api/ships',
  'GET /api/ships/:id',
  'GET /api/users',
  'GET /api/users/:id',
  'GET /docs',
  'GET /docs/openapi.json',
  'GET /health/live',
  'GET /health/ready',
  'GET /users',
  'POST /api/users',
  'POST /auth/login',
  'POST /login',
  'POST /register',
];

/** The files that Swagger UI consists of. */
const DOCS_FILES = 'GET /docs/';

/** Every route that requires a token. */
const CLOSED = [
  'DELETE /api/books/:id',
  'DELETE /api/ships/:id',
  'DELETE /api/users/:id',
  'DELETE /auth/logout',
  'DELETE /auth/logout2',
  'DELETE /auth/sessions',
  'DELETE /auth/sessions/:session',
  'GET /api/audit',
  'GET /api/books',
  'GET /api/books/:id',
  'GET /auth/me',
  'GET /auth/sessions',
  'GET /auth/token',
  'POST /api/books',
  'POST /api/ships',
  'POST /auth/password',
  'POST /auth/refresh',
  'PUT /api/books/:id',
  'PUT /api/ships/:id',
  'PUT /api/users/:id',
];

/** Routes that require a token in the header, and with the messages, of the bookstore tutorial. */
const TUTORIAL = ['DELETE /books/:id', 'GET /books', 'POST /book'];

const methods = ['get', 'post', 'put', 'delete', 'patch'] as const;

describe('Routes', () => {
  let app: TestApp;
  let document: OpenAPIObject;

  beforeAll(async () => {
    app = await bootApp();
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

  it('has no routes besides the listed public and protected ones', async () => {
    const listed = [...OPEN, ...CLOSED, ...TUTORIAL];
    const others = routes().filter((route) => !listed.includes(route));
    expect(others.filter((route) => !route.startsWith(DOCS_FILES))).toEqual([]);
    for (const route of others) {
      const { status } = await app.get(route.split(' ')[1]!.replace('*', 'package.json'));
      if (route === 'GET /docs/') {
        // This path redirects to the page, whose address ends without a slash.
        expect(status).toBe(308);
        continue;
      }
      const shown = /^GET \/docs\/[\w-]+(?:\.css|\.png|-bundle\.js|-preset\.js|-init\.js)$/.test(
        route,
      );
      expect([route, status]).toEqual([route, shown ? 200 : 404]);
    }
    expect(routes()).toEqual(expect.arrayContaining(listed));
  });

  it.each([...CLOSED, ...TUTORIAL])(
    'refuses %s without a token, whatever else is sent',
    async (route) => {
      const [method = '', pattern = ''] = route.split(' ');
      const path = pattern.replace(/:\w+/, '1');
      for (const json of [undefined, {}, { id: 'bad' }]) {
        const { status, body } = await app.send(method, path, {
          ...(method !== 'GET' && { json }),
        });
        expect(status).toBe(401);
        if (TUTORIAL.includes(route)) expect(body).toEqual({ message: 'a valid token is missing' });
        else expect(body.code).toBe('token_missing');
      }
      const slashed = await app.send(method, `${path}/`);
      const doubled = await app.send(method, `/${path}`);
      const upper = await app.send(method, path.toUpperCase());
      for (const { status } of [slashed, doubled, upper]) expect(status).toBe(404);
    },
  );

  it.each(OPEN)('answers %s without a token', async (route) => {
    const [method = '', pattern = ''] = route.split(' ');
    const { status } = await app.send(method, pattern.replace(/:\w+/, '1'), {
      ...(method !== 'GET' && { json: {} }),
      headers: { accept: 'text/html' },
    });
    // A login by HTTP Basic answers 401 if credentials are missing.
    if (route !== 'POST /login') expect(status).not.toBe(401);
    expect(status).toBeLessThan(404);
  });

  it('describes in the OpenAPI document which token each route requires', () => {
    const operations = Object.entries(document.paths).flatMap(([path, item]) =>
      methods.flatMap((method) => {
        const operation = item[method];
        return operation ? [{ route: `${method.toUpperCase()} ${path}`, operation }] : [];
      }),
    );
    for (const { route, operation } of operations) {
      const name = route.replace(/\{(\w+)\}/, ':$1');
      const schemes = (operation.security ?? []).flatMap((each) => Object.keys(each));
      if (name === 'POST /login') expect(schemes).toEqual(['basic']);
      else if (OPEN.includes(name)) expect(schemes).toEqual([]);
      else if (TUTORIAL.includes(name)) expect(schemes).toEqual(['header.x-access-tokens']);
      else expect(schemes).toEqual([expect.stringMatching(/^(access|refresh)_token$/)]);
    }
    const documented = operations.map(({ route }) => route.replace(/\{(\w+)\}/, ':$1')).sort();
    const own = [...OPEN, ...CLOSED, ...TUTORIAL]
      // HTML pages are not operations.
      .filter((route) => route !== 'GET /' && !route.includes('/docs'))
      .sort();
    expect(documented).toEqual(own);
  });
});
