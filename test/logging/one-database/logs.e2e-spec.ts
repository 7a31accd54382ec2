import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, Headers, Logger, Module, UnauthorizedException } from '@nestjs/common';
import { unavailable } from '../../../src/errors/api-error.js';
import { SecurityEventsService } from '../../../src/logging/security-events.service.js';
import type { LogThreshold } from '../../../src/logging/log-levels.js';
import { ServiceLogger } from '../../../src/logging/service-logger.js';
import { CurrentToken, Public, RequireToken } from '../../../src/access/require-token.decorator.js';
import { TokenService } from '../../../src/tokens/token.service.js';
import type { Token } from '../../../src/tokens/token.js';
import type { SendOptions } from '../../support/client.js';
import { CapturedOutput } from '../../support/captured-output.js';
import { bootApp, type TestApp } from '../../support/test-app.js';

@Controller('probe')
class ProbeController {
  private readonly logger = new Logger(ProbeController.name);

  @Get('full')
  @Public()
  full(): never {
    throw unavailable(new Error('the disk is full'));
  }

  @Get('claim')
  @RequireToken({ claims: { team: 'blue' } })
  claim(@CurrentToken() token: Token) {
    return token.subject;
  }

  @Get('unauthorized')
  @Public()
  refuse(): never {
    throw new UnauthorizedException('the key is unknown');
  }

  @Get('echo')
  @Public()
  echo(@Headers('x-text') text = ''): never {
    const sent = Buffer.from(text, 'base64').toString();
    this.logger.warn(`Heard ${sent}`, sent);
    throw new TypeError(sent);
  }
}

@Module({ controllers: [ProbeController] })
class ProbeModule {}

describe('The log', () => {
  let app: TestApp;
  let output: CapturedOutput;

  beforeEach(() => {
    output = new CapturedOutput();
  });
  afterEach(async () => {
    await app.close();
    jest.restoreAllMocks();
  });

  const boot = async (env: Record<string, string> = {}, level: LogThreshold = 'debug') => {
    const logger = new ServiceLogger({ json: false, level });
    app = await bootApp({ REQUEST_LOG_LEVEL: 'fatal', ...env }, { imports: [ProbeModule], logger });
    return app;
  };
  const linesWith = (text: string) => output.text.split('\n').filter((line) => line.includes(text));
  let sent = 0;
  /** Sends a request, and returns its status, its code and the log lines with its id. */
  const trace = async (method: string, path: string, options: SendOptions = {}) => {
    const id = `trace-${++sent}`;
    const headers = { ...options.headers, 'x-request-id': id };
    const { status, body } = await app.send(method, path, { ...options, headers });
    return { status, code: body?.code, lines: linesWith(`request ${id}, from 127.0.0.1`) };
  };

  it('logs why credentials were refused, with the request id', async () => {
    await boot({ TOKEN_COOKIES: 'true' });
    const user = await app.newLogin();
    const tokens = app.app.get(TokenService);
    const revoked = await app.newLogin();
    await app.send('DELETE', '/auth/logout2', { token: revoked.refresh });
    const expired = await tokens.createAccessToken('1', { expiresIn: 1 });
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const stale = await app.send('POST', '/auth/refresh', { token: user.refresh });
    const { access_token: token = '' } = stale.body as { access_token?: string };
    const cookie = { cookie: `access_token_cookie=${user.access}` };
    const password = { current_password: 'wrong', new_password: 'another one' };
    const login = (username: string) => ({ json: { username, password: 'wrong' } });
    const cases: [number, string, string, string, string, SendOptions][] = [
      [401, 'token_missing', 'token_missing', 'GET', '/auth/me', {}],
      [
        401,
        'token_invalid',
        'the token does not have three parts',
        'GET',
        '/auth/me',
        { token: 'x' },
      ],
      [401, 'token_expired', 'jwt expired', 'GET', '/auth/me', { token: expired.signed }],
      [401, 'token_revoked', `subject ${revoked.id}`, 'GET', '/auth/me', { token: revoked.access }],
      [
        422,
        'wrong_token_type',
        `subject ${user.id}`,
        'POST',
        '/auth/refresh',
        { token: user.access },
      ],
      [401, 'fresh_token_required', `subject ${user.id}`, 'DELETE', '/api/users/9', { token }],
      [401, 'csrf_failed', `subject ${user.id}`, 'DELETE', '/auth/logout', { headers: cookie }],
      [403, 'scope_required', `subject ${user.id}`, 'GET', '/api/audit', { token: user.access }],
      [403, 'claim_required', `subject ${user.id}`, 'GET', '/probe/claim', { token: user.access }],
      [401, 'credentials_invalid', 'the name or the pass', 'POST', '/auth/login', login(user.name)],
      [401, 'credentials_invalid', 'the name or the pass', 'POST', '/auth/login', login('unknown')],
      [400, 'credentials_missing', 'credentials_missing', 'POST', '/auth/login', { json: {} }],
      [400, 'current_password_wrong', '', 'POST', '/auth/password', { ...user, ...body(password) }],
      [401, 'unauthorized', 'the key is unknown', 'GET', '/probe/unauthorized', {}],
    ];
    for (const [status, code, reason, method, path, options] of cases) {
      const { token: bearer = code === 'current_password_wrong' ? user.access : '' } = options;
      const answer = await trace(method, path, { ...options, ...(bearer && { token: bearer }) });
      expect([answer.status, answer.code]).toEqual([status, code]);
      expect(answer.lines).toHaveLength(1);
      expect(answer.lines[0]).toContain(`Refused (${code}): ${reason}`);
      expect(answer.lines[0]).toContain(`${method} ${path.replace('/9', '/:id')}, request`);
    }
  });

  it('logs failed logins at the default level, and refused tokens only at debug', async () => {
    await boot({}, 'info');
    const login = { json: { username: 'user', password: 'wrong' } };
    const failed = await trace('POST', '/auth/login', login);
    expect(failed.lines).toEqual([expect.stringMatching(/LOG .+Refused \(credentials_invalid\)/)]);
    expect((await trace('GET', '/auth/me', { token: 'x' })).lines).toEqual([]);
    expect(app.config.logLevel).toBe('info');
  });

  it('logs neither the password nor the name of a failed login', async () => {
    await boot();
    const json = { username: 'a secret name', password: 'a secret word' };
    expect((await trace('POST', '/auth/login', { json })).lines).toHaveLength(1);
    expect(output.text).not.toContain('a secret');
  });

  it('logs the cause of an internal error with the request id that the client received', async () => {
    await boot({}, 'info');
    const text = Buffer.from('broken').toString('base64');
    const answer = await trace('GET', '/probe/echo', { headers: { 'x-text': text } });
    expect(answer.status).toBe(500);
    expect(answer.lines).toEqual([expect.stringMatching(/ERROR .+A request failed: broken; GET/)]);
    expect(output.text).toMatch(/\n {4}at .+logs\.e2e-spec\.ts/);
  });

  it('logs the refusal of a client that disconnects before the answer', async () => {
    await boot();
    const login = JSON.stringify({ username: 'user', password: 'wrong' });
    const head = `POST /auth/login HTTP/1.1\r\nHost: x\r\nX-Request-Id: gone\r\nContent-Type: application/json\r\nContent-Length: ${login.length}\r\n\r\n`;
    const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
    socket.write(head + login, () => socket.destroy());
    for (let i = 0; i < 100 && linesWith('request gone,').length === 0; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(linesWith('request gone,')).toHaveLength(1);
  });

  it.each([
    [
      'too many logins',
      { AUTH_RATE_LIMIT: '3' },
      'Too many requests were refused (429) (AUTH_RATE',
    ],
    ['a delayed account', {}, 'Logins to an account are delayed after failures (failures from one'],
  ])('warns of %s once, and counts the rest', async (_, env, warning) => {
    await boot(env, 'warn');
    const json = { username: 'user', password: 'wrong' };
    for (let i = 0; i < 10; i++) await trace('POST', '/auth/login', { json });
    expect(linesWith(warning)).toHaveLength(1);
    expect(linesWith(warning)[0]).toMatch(/WARN .+request trace-\d+, from 127\.0\.0\.1/);
    const { rate_limited: limited = {} } = app.app.get(SecurityEventsService).totals();
    expect(Object.values(limited)[0]).toBeGreaterThan(1);
  });

  it('warns of requests answered with 503 once a minute for each cause', async () => {
    await boot({}, 'warn');
    for (let i = 0; i < 5; i++) expect((await trace('GET', '/probe/full')).status).toBe(503);
    const warning = 'A request was answered with 503 (the disk is full): GET /probe/full, request';
    expect(linesWith('503')).toEqual([expect.stringContaining(warning)]);
    await app.app.close();
    expect(linesWith('4 times in the last minute')).toHaveLength(1);
  });

  it('warns of a stolen refresh token once a minute, and reports the rest at shutdown', async () => {
    await boot({}, 'warn');
    for (let i = 0; i < 3; i++) {
      const { refresh } = await app.newLogin();
      const rotate = (token: string) =>
        app.send<{ refresh_token: string }>('POST', '/auth/refresh', { token });
      await rotate((await rotate(refresh)).body.refresh_token);
      const headers = { 'x-request-id': `theft-${i}` };
      const answer = await app.send('POST', '/auth/refresh', { token: refresh, headers });
      expect(answer.body.code).toBe('token_revoked');
    }
    const warning = 'A rotated refresh token was reused, and its session has ended';
    expect(linesWith(warning)).toEqual([expect.stringContaining('request theft-0')]);
    await app.app.close();
    expect(linesWith(warning)[1]).toMatch(/2 times in the last minute, such as .+request theft-2/);
  });

  it.each(['\r\n', '\n', '\x1b[2J', '\x9b2J', '\u2028', '\u202e', '\n    at '])(
    'lets no client begin or change a line of the log by %j',
    async (evil) => {
      await boot();
      const forged = `x${evil}FORGED`;
      const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const part = encode({ sub: forged });
      const rawHeader = Buffer.from(`{"alg": ${forged}`).toString('base64url');
      const text = Buffer.from(forged).toString('base64');
      const json = { username: forged, password: forged, [forged]: forged };
      await app.get('/auth/me', { token: `${encode({ alg: 'HS256', kid: forged })}.${part}.YQ` });
      await app.get('/auth/me', { token: `${encode({ alg: forged })}.${part}.YQ` });
      await app.get('/auth/me', { token: `${encode({ [forged]: 1, crit: forged })}.${part}.YQ` });
      await app.get('/auth/me', { token: `${rawHeader}.${part}.YQ` });
      const { signed } = await app.app.get(TokenService).createAccessToken(forged);
      await app.get('/api/audit', { token: signed });
      for (let i = 0; i < 7; i++) await app.send('POST', '/auth/login', { json });
      await app.get(`/probe/${encodeURIComponent(forged)}`);
      await app.get('/probe/echo', { headers: { 'x-text': text } });
      const written = linesWith('FORGED');
      expect(written.length).toBeGreaterThan(3);
      for (const line of written) expect(line).toMatch(/^\[Nest\] \d+ {2}- /);
      expect(output.text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    },
  );
});

function body(json: unknown) {
  return { json };
}
