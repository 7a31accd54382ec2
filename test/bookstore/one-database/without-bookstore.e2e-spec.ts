import { afterEach, describe, expect, it } from '@jest/globals';
import { bootApp, type TestApp } from '../../support/test-app.js';

const ROUTES = [
  ['POST', '/register'],
  ['POST', '/login'],
  ['GET', '/users'],
  ['POST', '/book'],
  ['GET', '/books'],
  ['DELETE', '/books/1'],
] as const;
const origin = 'https://app.example.com';

describe('BOOKSTORE=false', () => {
  let app: TestApp;

  afterEach(() => app.close());

  it('answers 404 at the routes of the tutorial with every method, whatever else is set', async () => {
    app = await bootApp({ BOOKSTORE: 'false', CORS_ORIGINS: origin, REGISTRATION: 'closed' });
    for (const [method, path] of ROUTES) {
      for (const each of [method, 'PATCH', 'OPTIONS']) {
        const headers = { origin, 'access-control-request-method': method };
        const json = { name: 'thrawn', password: 'grand admiral' };
        const answer = await app.send(each, path, {
          headers,
          ...(each !== 'GET' && { json }),
        });
        expect([each, path, answer.status, answer.body.code]).toEqual([
          ...[each, path, 404, 'not_found'],
        ]);
        expect(answer.headers.get('allow')).toBeNull();
        expect(answer.headers.get('access-control-allow-methods')).toBeNull();
      }
    }
  });

  it('does not allow the header of the tutorial in CORS', async () => {
    app = await bootApp({ BOOKSTORE: 'false', CORS_ORIGINS: origin });
    const headers = { origin, 'access-control-request-method': 'GET' };
    const { status, headers: answer } = await app.send('OPTIONS', '/api/books', { headers });
    expect([status, answer.get('access-control-allow-headers')]).toEqual([
      204,
      'authorization, content-type, idempotency-key, if-match, if-none-match, x-csrf-token, x-request-id',
    ]);
  });

  it.each([
    ['FLASK_COMPAT=true', { FLASK_COMPAT: 'true' }],
    ['FLASK_COMPAT=false', { FLASK_COMPAT: 'false' }],
    ['REGISTRATION=closed', { REGISTRATION: 'closed' }],
    ['TOKEN_COOKIES=true', { TOKEN_COOKIES: 'true' }],
  ])('does not mention the tutorial in the OpenAPI document with %s', async (_, env) => {
    app = await bootApp({ BOOKSTORE: 'false', ...env });
    const { status, text } = await app.get('/docs/openapi.json');
    expect(status).toBe(200);
    for (const word of ['tutorial', 'x-access-tokens', '"basic"', '"/book', '"/users"']) {
      expect(text.toLowerCase()).not.toContain(word);
    }
  });

  it('accepts tokens of earlier tutorial logins at the other routes', async () => {
    app = await bootApp({ BOOKSTORE: 'true' });
    const authorization = `Basic ${Buffer.from('user:password').toString('base64')}`;
    const { body } = await app.send('POST', '/login', { headers: { authorization } });
    app = await app.restart({ BOOKSTORE: 'false' });
    const token = String(body.token);
    expect((await app.get('/auth/me', { token })).body.name).toBe('user');
    expect((await app.get('/api/books', { token })).status).toBe(200);
  });
});
