import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, Logger, Module, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Public } from '../../../src/access/require-token.decorator.js';
import { ServiceLogger } from '../../../src/logging/service-logger.js';
import { CapturedOutput } from '../../support/captured-output.js';
import { bootApp, SECRET, type TestApp } from '../../support/test-app.js';

const TOKEN = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl';

@Controller('probe')
class ProbeController {
  @Get('fail')
  @Public()
  fail(): never {
    throw new TypeError('broken');
  }

  /** Logs in both ways that the documentation of Nest and of Fastify shows. */
  @Get('log')
  @Public()
  log(@Req() request: FastifyRequest) {
    const secrets = { Password: 'hunter2', nested: [{ access_token: 'abc' }], safe: 'shown' };
    request.log.warn({ secrets }, `of Fastify\n${TOKEN}`);
    request.log.error(new TypeError('an error\nforged'));
    new Logger('Probe').warn(`of Nest ${TOKEN}`);
    return {};
  }
}

@Module({ controllers: [ProbeController] })
class ProbeModule {}

type Line = Record<string, unknown>;

const production = {
  NODE_ENV: 'production',
  JWT_SECRET_KEY: SECRET,
  PASSWORD_MIN_LENGTH: '4',
  DATABASE_CREATE: 'true',
  SHUTDOWN_DELAY: '0s',
};

describe('The log of requests', () => {
  let app: TestApp;
  let output: CapturedOutput;

  beforeEach(() => {
    output = new CapturedOutput();
  });
  afterEach(async () => {
    await app.close();
    jest.restoreAllMocks();
  });

  const boot = async (env: Record<string, string> = {}) => {
    const logger = new ServiceLogger({ json: env.NODE_ENV === 'production', level: 'info' });
    app = await bootApp(env, { imports: [ProbeModule], logger });
  };
  const lines = () => output.lines;
  const records = () => lines().map((line) => JSON.parse(line) as Line);
  /** The lines about requests, as soon as there are this many. */
  const requestLines = async (count = 1): Promise<Line[]> => {
    for (;;) {
      const found = records().filter(({ context }) => context === 'Request');
      if (found.length >= count) return found;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };

  it('has one line of JSON for each request in production', async () => {
    await boot(production);
    const user = await app.newLogin();
    await requestLines(2);
    output.text = '';
    const headers = { 'x-request-id': 'trace-1' };
    await app.get(`/api/users/${user.id}?jwt=${TOKEN}`, { token: user.access, headers });
    const [line] = await requestLines();
    expect(line).toEqual({
      level: 'info',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as unknown,
      pid: process.pid,
      context: 'Request',
      message: `GET /api/users/${user.id} 200`,
      method: 'GET',
      route: '/api/users/:id',
      path: `/api/users/${user.id}`,
      status: 200,
      duration_ms: expect.any(Number) as unknown,
      request_id: 'trace-1',
      user_id: String(user.id),
      session_id: expect.stringMatching(/^[\da-f-]{36}$/) as unknown,
      address: '127.0.0.1',
    });
    expect(line!.duration_ms).toBeGreaterThan(0);
  });

  it('has one line of text for each request in development', async () => {
    await boot();
    await app.get('/api/users/1', { headers: { 'x-request-id': 'trace-2' } });
    while (!output.text.includes('[Request]'))
      await new Promise((resolve) => setTimeout(resolve, 5));
    expect(lines().at(-1)).toMatch(
      /^\[Nest\] \d+ {2}- .+ {5}LOG \[Request\] GET \/api\/users\/1 200 \(\d+\.\d ms, request trace-2\)$/,
    );
  });

  it('contains no token, password, cookie, body or query', async () => {
    await boot({ ...production, TOKEN_COOKIES: 'true' });
    const json = { username: 'user', password: 'secret password' };
    await app.send('POST', '/auth/login?password=query', { json });
    await app.get(`/nowhere/${TOKEN}`, { headers: { cookie: 'access_token_cookie=crumbs' } });
    const found = await requestLines(2);
    expect(found.map(({ path, status }) => [path, status])).toEqual([
      ['/auth/login', 401],
      ['/nowhere/[token]', 404],
    ]);
    expect(output.text).not.toMatch(/secret password|query|crumbs|eyJ/);
  });

  it('has a line for requests that reach no route', async () => {
    await boot(production);
    const { hostname, port } = new URL(app.url);
    const answers = async (request: string) => {
      const socket = connect(Number(port), hostname).end(request);
      for await (const _ of socket) continue;
    };
    await answers('GET /a%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await answers('no HTTP\r\n\r\n');
    await answers('GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nConnection: close\r\n\r\n');
    const found = await requestLines(3);
    expect(found.map(({ method, status, route }) => [method, status, route])).toEqual([
      ['GET', 400, null],
      ['invalid', 400, null],
      ['GET', 417, null],
    ]);
  });

  it('has no line for the checks of health', async () => {
    await boot(production);
    await app.get('/health/live');
    await app.get('/health/ready');
    await app.get('/');
    expect((await requestLines()).map(({ path }) => path)).toEqual(['/']);
  });

  it.each([
    ['info', [200, 500]],
    ['warn', [500]],
    ['fatal', []],
  ])('has a level of its own: REQUEST_LOG_LEVEL=%s', async (level, expected) => {
    await boot({ ...production, REQUEST_LOG_LEVEL: level });
    await app.get('/api/users/x');
    await app.get('/probe/log');
    await app.get('/probe/fail');
    await app.get('/probe/fail');
    const expectedLines = expected.includes(500) ? expected.length + 1 : 0;
    const found = (await requestLines(expectedLines)).map(({ status }) => status);
    expect(new Set(found.filter((status) => status !== 404))).toEqual(new Set(expected));
    expect(records().filter(({ level: name }) => name === 'error')).not.toHaveLength(0);
  });

  it('shares its form with the log of the code, where secrets are replaced', async () => {
    await boot(production);
    await app.get('/probe/log', { headers: { 'x-request-id': 'trace-3' } });
    await requestLines();
    const [ofFastify, failed, ofNest] = records();
    expect(ofFastify).toMatchObject({
      level: 'warn',
      message: 'of Fastify\\n[token]',
      request_id: 'trace-3',
      secrets: { Password: '[secret]', nested: [{ access_token: '[secret]' }], safe: 'shown' },
    });
    expect(failed).toMatchObject({ level: 'error', message: 'an error\\nforged' });
    expect(ofNest).toMatchObject({ level: 'warn', context: 'Probe', message: 'of Nest [token]' });
  });
});
