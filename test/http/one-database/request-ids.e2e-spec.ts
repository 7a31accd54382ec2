import { once } from 'node:events';
import { connect } from 'node:net';
import { Controller, Get, Module } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { unavailable } from '../../../src/errors/api-error.js';
import { Public } from '../../../src/access/require-token.decorator.js';
import type { SendOptions } from '../../support/client.js';
import { bootFixtureApp } from '../../support/fixture-app.js';
import { SHORT_TIMEOUTS, type TestApp } from '../../support/test-app.js';

const GENERATED = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

@Public()
@Controller('broken')
class BrokenController {
  @Get('inside')
  fail(): never {
    throw new Error('broken');
  }

  @Get('busy')
  refuse(): never {
    throw unavailable('too much to do');
  }
}

@Module({ controllers: [BrokenController] })
class BrokenModule {}

describe('Every response', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootFixtureApp(
      { CORS_ORIGINS: 'https://app.example.com', AUTH_RATE_LIMIT: '5' },
      { imports: [BrokenModule], timeouts: SHORT_TIMEOUTS },
    );
  });
  afterAll(() => app.close());

  /** Sends raw text on a connection, and returns the answer when the connection is closed. */
  const exchange = async (...parts: string[]): Promise<string> => {
    const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString())).on('error', () => undefined);
    for (const part of parts) socket.write(part);
    await once(socket, 'close');
    return answer;
  };
  const idsIn = (answer: string): string[] =>
    [...answer.matchAll(/^x-request-id: (.*)\r$/gim)].map(([, id]) => id!);

  const requests: [string, string, string, SendOptions, number][] = [
    ['a list', 'GET', '/api/crates', {}, 200],
    ['an answer without a body', 'HEAD', '/api/crates/1', {}, 200],
    ['an unknown path', 'GET', '/nowhere', {}, 404],
    ['an invalid id', 'GET', '/api/crates/abc', {}, 404],
    ['a wrong method', 'PATCH', '/api/crates', {}, 405],
    ['a path that is not a valid URL', 'GET', '/api/crates/%zz', {}, 400],
    ['a refused token', 'GET', '/auth/me', { token: 'x' }, 401],
    [
      'a large body for an unknown path',
      'POST',
      '/nowhere/else',
      { raw: 'x'.repeat(200_000) },
      404,
    ],
    ['a body that is too large', 'POST', '/auth/login', { raw: `"${'x'.repeat(110_000)}"` }, 413],
    ['a body of another type', 'POST', '/auth/login', { raw: 'x', headers: text() }, 415],
    ['the page of the docs', 'GET', '/docs', {}, 200],
    ['a script of the docs', 'GET', '/docs/swagger-ui-bundle.js', {}, 200],
    ['the OpenAPI document', 'GET', '/docs/openapi.json', {}, 200],
    ['an unknown file of the docs', 'GET', '/docs/package.json', {}, 404],
    ['a preflight', 'OPTIONS', '/api/crates', { headers: preflight() }, 204],
    ['an internal error', 'GET', '/broken/inside', {}, 500],
    ['a busy service', 'GET', '/broken/busy', {}, 503],
  ];

  it.each(requests)(
    'sends a generated request id: %s',
    async (_, method, path, options, status) => {
      const first = await app.send(method, path, options);
      const second = await app.send(method, path, options);
      expect([first.status, second.status]).toEqual([status, status]);
      const ids = [first, second].map(({ headers }) => headers.get('x-request-id'));
      for (const id of ids) expect(id).toMatch(GENERATED);
      expect(ids[0]).not.toBe(ids[1]);
    },
  );

  it.each(requests)(
    'returns the request id of the client: %s',
    async (_, method, path, options) => {
      const headers = { ...options.headers, 'x-request-id': 'Mine_1.2-3' };
      const answer = await app.send(method, path, { ...options, headers });
      expect(answer.headers.get('x-request-id')).toBe('Mine_1.2-3');
    },
  );

  it('sends a generated request id with the refusal of too many logins', async () => {
    const login = () => app.send('POST', '/auth/login', { json: { username: 'x', password: 'x' } });
    let answer = await login();
    for (let i = 0; i < 10 && answer.status !== 429; i++) answer = await login();
    expect(answer.status).toBe(429);
    expect(answer.headers.get('x-request-id')).toMatch(GENERATED);
  });

  it.each([
    ['text that is not HTTP', 400, ['hello\r\n\r\n']],
    ['a head of 20,000 bytes', 431, [`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n`]],
    ['a head that never ends', 408, ['GET / HTTP/1.1\r\nHo']],
    ['a missing Host header', 400, ['GET /x HTTP/1.1\r\nConnection: close\r\n\r\n']],
    [
      'two Host headers',
      400,
      ['GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n'],
    ],
    [
      'an unknown expectation',
      417,
      ['POST /x HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\nConnection: close\r\n\r\n'],
    ],
    [
      'more than a hundred headers',
      431,
      [`GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${'a: b\r\n'.repeat(101)}\r\n`],
    ],
  ])('sends exactly one request id: %s', async (_, status, parts) => {
    const answer = await exchange(...parts);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(idsIn(answer)).toEqual([expect.stringMatching(GENERATED)]);
  });

  it.each([
    ['a body that never ends', 408, 'Content-Length: 9\r\n\r\n{'],
    ['malformed chunks', 400, 'Transfer-Encoding: chunked\r\n\r\nhello\r\n'],
    ['an unknown expectation', 417, 'Expect: wonders\r\nConnection: close\r\n\r\n'],
  ])('returns the request id from the head of a refused request: %s', async (_, status, rest) => {
    const head =
      'POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Request-Id: mine\r\n';
    const answer = await exchange(head + rest);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(idsIn(answer)).toEqual(['mine']);
  });

  it('sends the id of each pipelined request with its own response', async () => {
    const get = (id: string, more = '') =>
      `GET /api/crates/1 HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${id}\r\n${more}\r\n`;
    const answer = await exchange(get('a'), get('b'), get('c', 'Connection: close\r\n'));
    expect(idsIn(answer)).toEqual(['a', 'b', 'c']);
  });

  it.each([
    ['that is empty', ''],
    ['longer than 128 characters', 'x'.repeat(129)],
    ['with a space', 'a b'],
    ['with a slash', 'a/b'],
    ['with a quote', 'a"b'],
    ['with a colon', 'a:b'],
    ['with an escape sequence', 'a\x1b[31m'],
    ['with a tab', 'a\tb'],
    ['with a letter that is not ASCII', 'é'],
  ])('generates a request id in place of one %s', async (_, id) => {
    const answer = await exchange(
      `GET /api/crates/1 HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${id}\r\nConnection: close\r\n\r\n`,
    );
    const [found = '', ...more] = idsIn(answer);
    if (answer.startsWith('HTTP/1.1 200 ')) expect([found, more]).toEqual([found, []]);
    expect(found).toMatch(GENERATED);
  });

  it('accepts a request id of 1 and of 128 characters', async () => {
    for (const id of ['x', 'x'.repeat(128)]) {
      const { headers } = await app.get('/api/crates/1', { headers: { 'x-request-id': id } });
      expect(headers.get('x-request-id')).toBe(id);
    }
  });

  it('generates a request id if the client sends two', async () => {
    const answer = await exchange(
      'GET /api/crates/1 HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\r\nX-Request-Id: b\r\nConnection: close\r\n\r\n',
    );
    expect(idsIn(answer)).toEqual([expect.stringMatching(GENERATED)]);
  });

  it.each([
    ['/broken/inside', 500],
    ['/broken/busy', 503],
  ])(
    'states the request id in the body of an error of status 500 and above: %s',
    async (path, status) => {
      const { body, headers } = await app.get(path);
      expect([body.statusCode, body.request_id]).toEqual([status, headers.get('x-request-id')]);
    },
  );

  it('omits the request id from the body of an error below status 500', async () => {
    for (const path of ['/nowhere', '/auth/me', '/api/crates?what=1']) {
      expect((await app.get(path)).body).not.toHaveProperty('request_id');
    }
  });

  it('lets pages of other origins read and send the request id', async () => {
    const headers = { origin: 'https://app.example.com' };
    const answer = await app.get('/api/crates/1', { headers });
    expect(answer.headers.get('access-control-expose-headers')).toContain('x-request-id');
    const allowed = await app.send('OPTIONS', '/api/crates', { headers: preflight() });
    expect(allowed.headers.get('access-control-allow-headers')).toContain('x-request-id');
  });
});

describe('A pipelined request at shutdown', () => {
  // RFC 9112, section 9.6: "Connection: close" says that later requests are not processed.
  it('does not handle a request that was pipelined behind the last one, and announces the close', async () => {
    const app = await bootFixtureApp({}, { imports: [SlowModule] });
    const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString())).on('error', () => undefined);
    const started = new Promise<void>((resolve) => (onSlow = resolve));
    socket.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
    await started;
    const closed = app.app.close();
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.write('GET /api/crates/1 HTTP/1.1\r\nHost: x\r\nX-Request-Id: late\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 100));
    finishSlow();
    await once(socket, 'close');
    await closed;
    await app.database.drop();
    expect(answer.match(/^HTTP\/1\.1 \d+/gm)).toEqual(['HTTP/1.1 200']);
    expect(answer).toMatch(/^connection: close\r$/im);
    expect(answer).toMatch(/\r\n\r\ndone$/);
  });
});

let onSlow = (): void => undefined;
let finishSlow = (): void => undefined;

@Public()
@Controller('slow')
class SlowController {
  @Get()
  async wait(): Promise<string> {
    const finished = new Promise<void>((resolve) => (finishSlow = resolve));
    onSlow();
    await finished;
    return 'done';
  }
}

@Module({ controllers: [SlowController] })
class SlowModule {}

function text() {
  return { 'content-type': 'text/plain' };
}

function preflight() {
  return {
    origin: 'https://app.example.com',
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'content-type',
  };
}
