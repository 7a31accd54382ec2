import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Delete, Get, Headers, Module, Options } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import { Public, RequireToken } from '../../../src/access/require-token.decorator.js';
import { bootFixtureApp } from '../../support/fixture-app.js';
import type { TestApp } from '../../support/test-app.js';

@Controller('probe')
class ProbeController {
  @Public()
  @Get()
  byParameter(@Headers('X-Declared-By-Parameter') value: string) {
    return { value };
  }

  @RequireToken({ header: 'X-Declared-By-Token' })
  @ApiHeader({ name: 'X-Declared-By-Document' })
  @Delete(':name')
  byOthers() {
    return {};
  }

  @Public()
  @Options('own')
  options() {
    return { own: true };
  }
}

@Module({ controllers: [ProbeController] })
class ProbeModule {}

/** The items of a header, sorted. */
const listed = (headers: Headers, name: string) => headers.get(name)?.split(', ').sort();
const ORIGIN = 'https://app.example.com';
const UNKNOWN = [
  ...['https://evil.example', 'null', `${ORIGIN}.evil.example`, `${ORIGIN}:444`, `${ORIGIN}/`],
  ...['http://app.example.com', '*', ''],
];
const KNOWN_PATHS = [
  ['/api/crates', 'GET, HEAD, OPTIONS, POST'],
  ['/api/crates/1', 'DELETE, GET, HEAD, OPTIONS, PATCH, PUT'],
  ['/api/crates/9999?limit=x', 'DELETE, GET, HEAD, OPTIONS, PATCH, PUT'],
  ['/auth/login', 'OPTIONS, POST'],
  ['/auth/sessions', 'DELETE, GET, HEAD, OPTIONS'],
  ['/probe/1', 'DELETE, OPTIONS'],
  ['/docs', 'GET, HEAD, OPTIONS'],
  ['/docs/', 'GET, HEAD, OPTIONS'],
  ['/docs/openapi.json', 'GET, HEAD, OPTIONS'],
] as const;
const UNKNOWN_PATHS = [
  ...['/nowhere', '/api', '/api/crates/', '/api/crates/abc', '/api/crates/01', '/api/crates/1/x'],
  ...['/docs/package.json', '/docs/nowhere', '/auth/', '//api/crates'],
];

describe.each([
  ['without CORS_ORIGINS', {}],
  ['with CORS_ORIGINS', { CORS_ORIGINS: ORIGIN }],
])('OPTIONS %s', (_, env) => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootFixtureApp(env, { imports: [ProbeModule] });
  });
  afterAll(() => app.close());

  it.each(KNOWN_PATHS)(
    'answers OPTIONS on the known path %s with 204 and its methods in Allow',
    async (path, methods) => {
      for (const headers of [
        {},
        { origin: 'https://evil.example' },
        { authorization: 'Bearer x' },
      ]) {
        const answer = await app.send('OPTIONS', path, { headers });
        expect([answer.status, answer.text]).toEqual([204, '']);
        expect(listed(answer.headers, 'allow')?.join(', ')).toBe(methods);
        expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
        expect(answer.headers.get('x-request-id')).not.toBeNull();
      }
    },
  );

  it.each(UNKNOWN_PATHS)('answers OPTIONS on the unknown path %s with 404', async (path) => {
    const { status, body, headers } = await app.send('OPTIONS', path);
    expect([status, body.code, headers.get('allow')]).toEqual([404, 'not_found', null]);
  });

  it('answers OPTIONS before it reads the body, and keeps the connection usable', async () => {
    const raw = '{'.repeat(1000);
    expect((await app.send('OPTIONS', '/api/crates', { raw })).status).toBe(204);
    expect((await app.get('/api/crates/1')).status).toBe(200);
  });

  it('lets a route with an OPTIONS handler answer OPTIONS', async () => {
    const { status, body } = await app.send('OPTIONS', '/probe/own');
    expect([status, body]).toEqual([200, { own: true }]);
  });
});

describe('CORS with CORS_ORIGINS', () => {
  let app: TestApp;

  beforeAll(async () => {
    const env = { CORS_ORIGINS: `${ORIGIN}, http://localhost:5173` };
    app = await bootFixtureApp(env, { imports: [ProbeModule] });
  });
  afterAll(() => app.close());

  const preflight = (path: string, origin = ORIGIN, method = 'PUT') =>
    app.send('OPTIONS', path, {
      headers: { origin, 'access-control-request-method': method },
    });
  const granted = (headers: Headers) =>
    [...headers.keys()].filter((name) => name.startsWith('access-control-'));

  it.each(KNOWN_PATHS)(
    'answers a preflight for %s with the methods of this path',
    async (path, methods) => {
      const { status, headers } = await preflight(path);
      expect(status).toBe(204);
      expect(headers.get('access-control-allow-origin')).toBe(ORIGIN);
      expect(listed(headers, 'access-control-allow-methods')?.join(', ')).toBe(methods);
      expect(listed(headers, 'allow')?.join(', ')).toBe(methods);
      expect(headers.get('access-control-max-age')).toBe('600');
      expect(headers.get('vary')).toBe('Origin');
    },
  );

  it('answers a preflight with the headers of all routes, including those that routes declare', async () => {
    const { headers } = await preflight('/api/crates');
    expect(listed(headers, 'access-control-allow-headers')).toEqual([
      ...['authorization', 'content-type', 'idempotency-key', 'if-match', 'if-none-match'],
      'x-csrf-token',
      ...['x-declared-by-document', 'x-declared-by-parameter', 'x-declared-by-token'],
      'x-request-id',
    ]);
  });

  it.each(UNKNOWN_PATHS)('answers a preflight for the unknown path %s with 404', async (path) => {
    const { status, headers } = await preflight(path);
    expect([status, headers.get('access-control-allow-methods')]).toEqual([404, null]);
  });

  it.each(UNKNOWN)(
    'grants nothing to a preflight or a request of the origin "%s"',
    async (origin) => {
      const headers = { origin };
      for (const answer of [
        await preflight('/api/crates', origin),
        await preflight('/nowhere', origin),
        await app.get('/api/crates', { headers }),
        await app.get('/nowhere', { headers }),
      ]) {
        expect(granted(answer.headers)).toEqual([]);
        expect(answer.headers.get('vary')).toBe('Origin');
      }
      expect((await preflight('/api/crates', origin)).status).toBe(204);
    },
  );

  it('answers a preflight for a route with an OPTIONS handler without calling the handler', async () => {
    const { status, text, headers } = await preflight('/probe/own');
    expect([status, text]).toEqual([204, '']);
    expect(headers.get('access-control-allow-methods')).toBe('DELETE, OPTIONS');
  });

  it('lets pages of the listed origins read responses, errors and their headers', async () => {
    for (const [method, path, status] of [
      ['GET', '/api/crates', 200],
      ['GET', '/auth/me', 401],
      ['GET', '/nowhere', 404],
      ['DELETE', '/api/crates', 405],
      ['POST', '/auth/login', 400],
    ] as const) {
      const answer = await app.send(method, path, { headers: { origin: ORIGIN } });
      expect(answer.status).toBe(status);
      expect(answer.headers.get('access-control-allow-origin')).toBe(ORIGIN);
      expect(listed(answer.headers, 'access-control-expose-headers')).toEqual([
        ...['etag', 'idempotent-replayed', 'link', 'location', 'retry-after'],
        ...['www-authenticate', 'x-request-id'],
      ]);
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
      expect(answer.headers.get('vary')).toBe('Origin');
    }
  });

  it('sends Vary: Origin even if the request names no origin', async () => {
    const { headers } = await app.get('/api/crates');
    expect([headers.get('vary'), granted(headers)]).toEqual(['Origin', []]);
  });

  it.each(['true', 'only'])('allows credentials with TOKEN_COOKIES=%s', async (cookies) => {
    const other = await bootFixtureApp({ CORS_ORIGINS: ORIGIN, TOKEN_COOKIES: cookies });
    const headers = { origin: ORIGIN, 'access-control-request-method': 'POST' };
    for (const answer of [
      await other.get('/api/crates', { headers }),
      await other.send('OPTIONS', '/auth/login', { headers }),
    ]) {
      expect(answer.headers.get('access-control-allow-origin')).toBe(ORIGIN);
      expect(answer.headers.get('access-control-allow-credentials')).toBe('true');
      expect(answer.headers.get('access-control-allow-headers') ?? '').not.toContain('*');
    }
    await other.close();
  });
});
