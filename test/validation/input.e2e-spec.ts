import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { LoggedIn } from '../support/client.js';
import { crate } from '../support/fixture/crates.js';
import { bootFixtureApp } from '../support/fixture-app.js';
import { SHORT_TIMEOUTS, type TestApp } from '../support/test-app.js';

/** Texts with a special meaning in SQL, HTML, templates, paths, headers or JavaScript. */
const HOSTILE = [
  "'; DROP TABLE crates; --",
  '" OR ""="',
  "1' OR '1'='1",
  '%_\\',
  '${7*7}',
  '../../etc/passwd',
  '<script>alert(1)</script>',
  '\r\nSet-Cookie: a=b',
  '__proto__',
  'constructor',
  '\u202e\ufeff\u200b',
];

describe('Input', () => {
  let app: TestApp;
  let user: LoggedIn;

  beforeAll(async () => {
    app = await bootFixtureApp({}, { timeouts: SHORT_TIMEOUTS });
    user = await app.newLogin();
  });
  afterAll(() => app.close());

  const post = (path: string, raw: string) => app.send('POST', path, { token: user.access, raw });

  /** Sends raw text on a connection, and returns the answer when the connection is closed. */
  const exchange = async (...parts: string[]): Promise<string> => {
    const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString())).on('error', () => undefined);
    for (const part of parts) socket.write(part);
    await once(socket, 'close');
    return answer;
  };

  it.each([
    ['40,000 levels', `${'['.repeat(40_000)}${']'.repeat(40_000)}`, 400, 'body_too_deep'],
    ['300,000 elements', `[${'1,'.repeat(299_999)}1]`, 413, 'payload_too_large'],
    ['1,001 elements', `[${'1,'.repeat(1000)}1]`, 400, 'body_too_full'],
    ['1,000 elements', `[${'1,'.repeat(999)}1]`, 400, 'validation_failed'],
    [
      '1,001 members',
      `{${Array.from({ length: 1001 }, (_, i) => `"m${i}":1`).join()}}`,
      400,
      'body_too_full',
    ],
  ])('refuses a body of %s', async (_, raw, status, code) => {
    const answer = await post('/api/crates', raw);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  it('reports at most a hundred errors of a body or a query', async () => {
    const fields = Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`f${i}`, 1]));
    const { status, body } = await post('/api/crates', JSON.stringify(fields));
    expect(status).toBe(400);
    expect(Object.keys(body.message as object)).toHaveLength(100);
    const query = Array.from({ length: 500 }, (_, i) => `p${i}=1`).join('&');
    const list = await app.get(`/api/crates?${query}`);
    expect(list.status).toBe(400);
    expect(Object.keys(list.body.message as object)).toHaveLength(100);
  });

  it('refuses a body with a duplicate member name, at any depth', async () => {
    const twice = JSON.stringify({ ...crate, count: 1 }).replace(
      '"count":1',
      '"count":1,"count":2',
    );
    const nested = JSON.stringify(crate).replace('"tags":[', '"tags":[{"a":1, "a":2},');
    const escaped = JSON.stringify(crate).replace('{', '{"\\u0063ount":1, ');
    for (const raw of [twice, nested, escaped]) {
      const { status, body } = await post('/api/crates', raw);
      expect([status, body.message]).toEqual([400, { _schema: ['Invalid input type.'] }]);
    }
    expect((await post('/api/crates', JSON.stringify(crate, null, 2))).status).toBe(201);
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'refuses a field called %s like any other unknown field',
    async (name) => {
      const raw = JSON.stringify(crate).replace('{', `{"${name}":{"admin":true},`);
      const { status, body, text } = await post('/api/crates', raw);
      expect([status, body.code]).toEqual([400, 'validation_failed']);
      expect(text).toContain(`"${name}":["Unknown field."]`);
      for (const query of [`${name}=1`, `sort=${name}`, `sort=-${name}`]) {
        expect((await app.get(`/api/crates?${query}`)).status).toBe(400);
      }
      expect(({} as { admin?: boolean }).admin).toBeUndefined();
    },
  );

  it.each([
    ['1e400', 400],
    ['-1e400', 400],
    ['9007199254740992', 400],
    ['1e21', 400],
    ['-0', 400],
    ['1.5', 400],
    ['0x10', 400],
    ['01', 400],
    ['9007199254740991', 201],
    ['1.0', 201],
    ['1e3', 201],
  ])(
    'accepts the number %s only if it is an integer from 1 to 2^53 - 1',
    async (number, status) => {
      const raw = JSON.stringify({ ...crate, count: 1 }).replace('"count":1', `"count":${number}`);
      const answer = await post('/api/crates', raw);
      expect(answer.status).toBe(status);
      if (status === 201) expect(answer.body.count).toBe(Number(number));
    },
  );

  it.each(HOSTILE)('stores the text %j unchanged, or refuses it', async (text) => {
    const values = { ...crate, kind: text, packed_by: text, label: text, tags: [text] };
    const made = await post('/api/crates', JSON.stringify(values));
    expect([made.status, made.body]).toEqual([201, { id: made.body.id, ...values }]);
    const query = encodeURIComponent(text);
    for (const field of ['kind', 'packed_by', 'label', 'tags']) {
      const found = await app.get<{ id: number }[]>(`/api/crates?${field}=${query}`);
      expect(found.body.map(({ id }) => id)).toEqual([made.body.id]);
    }
    const scroll = { title: text, topic: text, priority: null };
    expect((await post('/api/scrolls', JSON.stringify(scroll))).body).toMatchObject(scroll);
    const name = `${text} ${user.id}`;
    const json = { name, password: `${text}${text}` };
    const other = await app.send('POST', '/api/users', { json });
    if (/[\r\u200b]/.test(text)) {
      const message =
        'Must not contain control, zero-width or bidirectional formatting characters.';
      expect([other.status, other.body.message]).toEqual([400, { name: [message] }]);
    } else {
      expect([other.status, other.body.name]).toEqual([201, name]);
      expect((await app.login(json)).access).toMatch(/./);
    }
    for (const bad of [`limit=${query}`, `cursor=${query}`, `sort=${query}`, `id=${query}`]) {
      expect((await app.get(`/api/crates?${bad}`)).status).toBe(400);
    }
    const path = await app.get(`/api/crates/${query}`);
    expect(path.status).toBe(404);
  });

  it.each([
    '/api/crates/../users',
    '/api/%2e%2e/api/crates',
    '/api/crates%2f1',
    '/api/crates/1%00',
    '/api/crates/%2e',
    '/api/crates;x=1',
    '/api//crates',
    '/api/crates/1/',
    '/%61pi/crates',
    '/api/crates/%c0%af',
    '/docs/../../package.json',
    '/docs/%2e%2e/%2e%2e/package.json',
    '/docs/..%2f..%2fpackage.json',
    '\\api\\crates',
  ])('serves no other resource at the path %s', async (path) => {
    const head = `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
    const answer = await exchange(head);
    const open = path === '/%61pi/crates';
    expect(answer).toMatch(open ? /^HTTP\/1\.1 (?:200|404)/ : /^HTTP\/1\.1 40[04] /);
    expect(answer).not.toContain('dependencies');
  });

  it.each([
    ['no path', 'GET x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 400],
    ['an unknown method', 'HACK / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 400],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    [
      'malformed chunks',
      'POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
      400,
    ],
    ['two hosts', 'GET / HTTP/1.1\r\nHost: x\r\nhost: y\r\nConnection: close\r\n\r\n', 400],
    ['a malformed host', 'GET / HTTP/1.1\r\nHost: x">,<y\r\nConnection: close\r\n\r\n', 400],
    ['a header without a name', 'GET / HTTP/1.1\r\nHost: x\r\n: x\r\n\r\n', 400],
    [
      'more than a hundred headers',
      `GET /nowhere HTTP/1.1\r\nHost: x\r\n${'A: b\r\n'.repeat(100)}Connection: close\r\n\r\n`,
      431,
    ],
    [
      'two thousand headers',
      `GET /nowhere HTTP/1.1\r\nHost: x\r\n${'A: b\r\n'.repeat(2000)}Connection: close\r\n\r\n`,
      431,
    ],
    [
      'a head of 20 KiB',
      `GET /nowhere HTTP/1.1\r\nHost: x\r\nA: ${'b'.repeat(20_000)}\r\n\r\n`,
      431,
    ],
    ['a head that never ends', 'GET /nowhere HTTP/1.1\r\nHost: x\r\n', 408],
    [
      'a body that never ends',
      'POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{',
      408,
    ],
    [
      'chunks that never end',
      'POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n',
      408,
    ],
  ])('refuses a request with %s in the shape of every error', async (_, bytes, status) => {
    const answer = await exchange(bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    const body = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as object;
    expect(body).toMatchObject({ statusCode: status, code: expect.any(String) });
    expect(answer).toMatch(/x-content-type-options: nosniff/i);
  });

  it.each(['GET / HTTP/1.1\r\nHost: x\r\n', 'garbage\r\n\r\n'])(
    'closes the connection after %j, although the client keeps it open',
    async (bytes) => {
      const server = app.app.getHttpServer();
      const accepted = once(server, 'connection') as Promise<[Socket]>;
      const client = connect({
        port: Number(new URL(app.url).port),
        host: '127.0.0.1',
        allowHalfOpen: true,
      });
      client.on('error', () => undefined).resume();
      client.write(bytes);
      const [socket] = await accepted;
      await Promise.all([once(client, 'end'), once(socket, 'close')]);
      client.destroy();
    },
  );

  it('accepts a request with 90 custom headers', async () => {
    const lines = Object.fromEntries(Array.from({ length: 90 }, (_, i) => [`x-${i}`, 'y']));
    expect((await app.get('/api/crates/1', { headers: lines })).status).toBe(200);
  });

  it('answers the first of two pipelined requests although the second is malformed', async () => {
    const answer = await exchange(
      'GET /api/crates/1 HTTP/1.1\r\nHost: x\r\n\r\nGET /api/crates/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400']);
  });

  it('answers pipelined requests in order, also if the last one is malformed', async () => {
    const json = JSON.stringify(crate);
    const answer = await exchange(
      `POST /api/crates HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${user.access}\r\nContent-Type: application/json\r\nContent-Length: ${json.length}\r\n\r\n${json}garbage\r\n\r\n`,
    );
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 201', 'HTTP/1.1 400']);
  });

  it('refuses a body whose charset or bytes are not UTF-8', async () => {
    for (const charset of ['latin1', '"utf-16"', 'us-ascii', '']) {
      const headers = { 'content-type': `application/json; charset=${charset}` };
      const options = { token: user.access, raw: JSON.stringify(crate), headers };
      expect((await app.send('POST', '/api/crates', options)).status).toBe(415);
    }
    const headers = { 'content-type': 'application/json;charset="UTF-8"' };
    const options = { token: user.access, raw: JSON.stringify(crate), headers };
    expect((await app.send('POST', '/api/crates', options)).status).toBe(201);
    const latin = Buffer.from(JSON.stringify({ ...crate, label: 'é' }), 'latin1');
    const answer = await app.send('POST', '/api/crates', { token: user.access, raw: latin });
    expect([answer.status, answer.body.code]).toEqual([400, 'validation_failed']);
    for (const raw of ['"\\ud800"', '"\\udc00\\ud800"', '"a\\u0000b"']) {
      const body = `{"name":${raw},"password":"secret"}`;
      const { status, body: error } = await post('/api/users', body);
      expect([status, error.message]).toEqual([400, { name: ['Not a valid string.'] }]);
      const login = `{"username":"user","password":${raw}}`;
      expect((await post('/auth/login', login)).status).toBe(400);
    }
  });
});

describe('Security headers', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootFixtureApp();
  });
  afterAll(() => app.close());

  const API = {
    'content-security-policy':
      "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'origin-agent-cluster': '?1',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-dns-prefetch-control': 'off',
    'x-download-options': 'noopen',
    'x-frame-options': 'DENY',
    'x-permitted-cross-domain-policies': 'none',
    'x-xss-protection': '0',
  };

  it.each([
    ['GET', '/api/crates'],
    ['GET', '/auth/me'],
    ['GET', '/nowhere'],
    ['PATCH', '/api/crates'],
    ['POST', '/auth/login'],
    ['HEAD', '/api/crates/1'],
  ])('sends the security headers with %s %s', async (method, path) => {
    const { headers } = await app.send(method, path);
    expect(Object.fromEntries(headers)).toMatchObject(API);
    for (const name of ['strict-transport-security', 'server', 'x-powered-by']) {
      expect(headers.get(name)).toBeNull();
    }
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });

  it('sends the security headers in the answer to a malformed path', async () => {
    const { headers } = await app.get('/api/crates/%zz');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  it('lets the page of the docs load only its own files', async () => {
    const { headers } = await app.get('/docs');
    const policy = headers.get('content-security-policy')!;
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy.split('; ').find((each) => each.startsWith('script-src'))).toBe(
      "script-src 'self'",
    );
  });

  it('sends Strict-Transport-Security only in production', async () => {
    const production = await bootFixtureApp({ NODE_ENV: 'production' });
    const { headers } = await production.get('/nowhere');
    expect(headers.get('strict-transport-security')).toBe('max-age=31536000; includeSubDomains');
    await production.close();
  });
});
