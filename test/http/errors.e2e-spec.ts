import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { Controller, Get, Module, Post } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Public } from '../../src/access/require-token.decorator.js';
import { crate } from '../support/fixture/crates.js';
import { bootFixtureApp } from '../support/fixture-app.js';
import type { TestApp } from '../support/test-app.js';

@Public()
@Controller('broken')
class BrokenController {
  @Get()
  fail(): never {
    throw new Error('SELECT secret FROM /etc/passwd');
  }

  @Post()
  failLater(): Promise<never> {
    return Promise.reject(new TypeError('at Object.<anonymous> (/srv/app/main.js:1:1)'));
  }
}

@Module({ controllers: [BrokenController] })
class BrokenModule {}

describe('Errors', () => {
  let app: TestApp;
  let token: string;

  beforeAll(async () => {
    app = await bootFixtureApp({}, { imports: [BrokenModule] });
    token = (await app.newLogin()).access;
  });
  afterAll(() => app.close());

  const notFound = { statusCode: 404, code: 'not_found', error: 'Not Found' };
  const malformed = {
    statusCode: 400,
    code: 'validation_failed',
    error: 'Bad Request',
    message: { _schema: ['Invalid input type.'] },
  };
  const postCrate = (raw: string | Uint8Array, headers: Record<string, string> = {}) =>
    app.send('POST', '/api/crates', { token, raw, headers });

  it.each([
    ['GET', '/api'],
    ['GET', '/api/'],
    ['GET', '/api/crates/'],
    ['GET', '/api/CRATES'],
    ['GET', '//api/crates'],
    ['GET', '/api/crates/1/tags'],
    ['GET', '/nowhere'],
    ['POST', '/nowhere'],
    ['DELETE', '/api/crates/abc'],
    ['GET', '/auth%2Fme'],
  ])('answers %s %s with 404', async (method, path) => {
    const { status, body } = await app.send(method, path, { token });
    expect([status, body]).toEqual([404, notFound]);
  });

  it('answers an unknown path with 404, whatever the body is', async () => {
    const headers = { 'content-type': 'text/plain' };
    expect((await app.send('POST', '/nowhere', { raw: 'x', headers })).body).toEqual(notFound);
    expect((await app.send('POST', '/nowhere', { raw: '{' })).body).toEqual(notFound);
  });

  it.each([
    ['POST', '/api/crates/1', 'GET, HEAD, PUT, PATCH, DELETE'],
    ['PATCH', '/api/crates', 'GET, HEAD, POST'],
    ['DELETE', '/api/users', 'GET, HEAD, POST'],
    ['GET', '/auth/login', 'POST'],
    ['HEAD', '/auth/login', 'POST'],
    ['POST', '/auth/logout', 'DELETE'],
    ['PUT', '/auth/me', 'GET, HEAD'],
    ['POST', '/docs/openapi.json', 'GET, HEAD'],
  ])('answers %s %s with 405 and the allowed methods', async (method, path, allowed) => {
    const { status, body, headers } = await app.send(method, path, { token });
    expect(status).toBe(405);
    const methods = headers.get('allow')?.split(', ').sort();
    expect(methods).toEqual([...allowed.split(', '), 'OPTIONS'].sort());
    if (method === 'HEAD') return;
    expect(body).toEqual({
      statusCode: 405,
      code: 'method_not_allowed',
      error: 'Method Not Allowed',
    });
  });

  it('answers a wrong method with 404 if the id in the path is invalid', async () => {
    expect((await app.send('PATCH', '/api/crates/abc')).status).toBe(404);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'text/json', 'x'])(
    'answers a body of the type %s with 415',
    async (type) => {
      const { status, body } = await postCrate(JSON.stringify(crate), { 'content-type': type });
      expect([status, body]).toEqual([
        415,
        {
          statusCode: 415,
          code: 'unsupported_media_type',
          error: 'Unsupported Media Type',
        },
      ]);
    },
  );

  it('answers a body without a type, or a compressed body, with 415', async () => {
    const raw = new TextEncoder().encode(JSON.stringify(crate));
    expect((await postCrate(raw, { 'content-type': '' })).status).toBe(415);
    const compressed = gzipSync(raw);
    expect((await postCrate(compressed, { 'content-encoding': 'gzip' })).status).toBe(415);
  });

  it.each(['application/json', 'application/json; charset=utf-8', 'APPLICATION/JSON'])(
    'accepts a body of the type %s',
    async (type) => {
      expect((await postCrate(JSON.stringify(crate), { 'content-type': type })).status).toBe(201);
    },
  );

  it.each(['application/json', 'application/x-www-form-urlencoded'])(
    'accepts a request with the type %s and without a body',
    async (type) => {
      const headers = { 'content-type': type };
      const { refresh } = await app.newLogin();
      const refreshed = await app.send('POST', '/auth/refresh', {
        token: refresh,
        headers,
        raw: '',
      });
      expect(refreshed.status).toBe(200);
      const { id } = await app.newCrate(token);
      expect((await app.send('DELETE', `/api/crates/${id}`, { token, headers })).status).toBe(204);
    },
  );

  it('answers a malformed body with 400, also on a route that takes no body', async () => {
    const { refresh } = await app.newLogin();
    const { status, body } = await app.send('POST', '/auth/refresh', { token: refresh, raw: '{' });
    expect([status, body]).toEqual([400, malformed]);
  });

  it.each([
    ['nothing', ''],
    ['half an object', '{"count": 1'],
    ['text', 'count=1'],
    ['single quotes', "{'count': 1}"],
    ['two values', '{} {}'],
    ['a byte order mark', '\ufeff{}'],
    ['NaN', '{"count": NaN}'],
    ['bytes that are not UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
  ])('answers a body that is not JSON with 400: %s', async (_, raw) => {
    const { status, body } = await postCrate(raw);
    expect([status, body]).toEqual([400, malformed]);
  });

  it('answers a body of more than 100 KiB with 413, and accepts one of 100 KiB', async () => {
    const padded = (length: number) => JSON.stringify(crate).padEnd(length);
    expect((await postCrate(padded(100 * 1024))).status).toBe(201);
    const { status, body } = await postCrate(padded(100 * 1024 + 1));
    expect([status, body]).toEqual([
      413,
      { statusCode: 413, code: 'payload_too_large', error: 'Payload Too Large' },
    ]);
  });

  it('answers a body nested deeper than 32 with 400', async () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    const { body } = await postCrate(nested(32));
    expect(body).toEqual(malformed);
    for (const raw of [nested(33), '{"a":'.repeat(20_000), '['.repeat(100_000)]) {
      expect((await postCrate(raw)).body).toEqual({
        statusCode: 400,
        code: 'body_too_deep',
        error: 'Bad Request',
        message: 'The body is nested too deeply.',
      });
    }
    const inString = JSON.stringify({ ...crate, label: '[{'.repeat(100) + '\\"[' });
    expect((await postCrate(inString)).status).toBe(201);
  });

  it('answers a malformed percent-encoding in the path with 400', async () => {
    const { status, body } = await app.get('/api/crates/%zz');
    expect([status, body]).toEqual([
      400,
      { statusCode: 400, code: 'bad_request', error: 'Bad Request' },
    ]);
  });

  it('hides the cause of an internal error from clients', async () => {
    for (const method of ['GET', 'POST']) {
      const { status, body, headers } = await app.send(method, '/broken');
      const id = headers.get('x-request-id');
      expect([status, body]).toEqual([
        500,
        {
          statusCode: 500,
          code: 'internal_error',
          error: 'Internal Server Error',
          request_id: id,
        },
      ]);
    }
  });

  it('never normalizes a text that takes long to normalize', async () => {
    // Normalizing this takes seconds.
    const evil = '\u0300'.repeat(24_500) + '\u0316'.repeat(24_500);
    const normalize = jest.spyOn(String.prototype, 'normalize');
    await app.send('POST', '/auth/login', { json: { username: evil, password: evil } });
    await app.send('POST', '/api/users', { json: { name: evil, password: 'secret' } });
    await postCrate(JSON.stringify({ ...crate, label: evil }));
    const lengths = normalize.mock.contexts.map((text) => String(text).length);
    normalize.mockRestore();
    expect(lengths.filter((length) => length > 2048)).toEqual([]);
  });

  it('never names the server software', async () => {
    const answers = [await app.get('/'), await app.get('/broken'), await app.get('/api/crates')];
    for (const { headers } of answers) {
      expect(headers.get('server')).toBeNull();
      expect(headers.get('x-powered-by')).toBeNull();
    }
  });

  it.each([
    ['text that is not HTTP', 'hello\r\n\r\n', 400],
    [
      'a head of 20,000 bytes',
      `GET / HTTP/1.1\r\nHost: x\r\nX-Big: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
    ],
    ['a missing Host header', 'GET /api/crates/1 HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    [
      'an unknown expectation',
      'POST /auth/login HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\nConnection: close\r\n\r\n',
      417,
    ],
    [
      'two Content-Length headers',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      400,
    ],
  ])('answers malformed HTTP in the shape of every error: %s', async (_, bytes, status) => {
    const answer = await exchange(app.url, bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toContain(`{"statusCode":${status},"code":"`);
  });

  it('accepts HTTP/1.0 without a Host header', async () => {
    const json = JSON.stringify(crate);
    const answer = await exchange(
      app.url,
      `POST /api/crates HTTP/1.0\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${json.length}\r\n\r\n${json}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 201 /);
    expect(answer).toMatch(/location: http:\/\/127\.0\.0\.1:\d+\/api\/crates\/\d+\r\n/i);
  });
});

function exchange(url: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(bytes));
    socket.setTimeout(5000, () => socket.destroy());
    socket
      .on('data', (chunk) => (answer += chunk.toString()))
      .on('close', () => resolve(answer))
      .on('error', reject);
  });
}
