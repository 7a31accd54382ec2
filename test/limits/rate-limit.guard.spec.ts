import type { ExecutionContext } from '@nestjs/common';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import fastify, { type FastifyInstance } from 'fastify';
import { ApiError } from '../../src/errors/api-error.js';
import type { AppConfig } from '../../src/config/app-config.js';
import { AuthAttemptsService } from '../../src/limits/auth-attempts.service.js';
import { AuthRateLimitGuard } from '../../src/limits/rate-limit.guard.js';
import { SecurityEventsService } from '../../src/logging/security-events.service.js';

describe('AuthRateLimitGuard', () => {
  let instance: FastifyInstance | undefined;

  afterEach(async () => {
    jest.restoreAllMocks();
    await instance?.close();
  });

  /**
   * A server with the guard at `/`. `send` resolves to the seconds of `Retry-After`, or to null for
   * an allowed request. `pass` advances the clock.
   */
  async function serviceWith(max: number) {
    let now = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    const server = (instance = fastify({ trustProxy: true }));
    const config = { limits: { authRateLimit: max, redisUrl: null } } as unknown as AppConfig;
    const attempts = new AuthAttemptsService(config, new SecurityEventsService());
    const guard = new AuthRateLimitGuard(attempts);
    server.get('/unlimited', async () => 'yes');
    server.get('/', async (request, reply) => {
      const context = { switchToHttp: () => ({ getRequest: () => request }) } as ExecutionContext;
      try {
        return String(await guard.canActivate(context));
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        return reply.code(error.kind.status).headers(error.headers).send(error.reason);
      }
    });
    const send = async (
      remoteAddress: string,
      { url = '/', ...forwarded }: { url?: string; 'x-forwarded-for'?: string } = {},
    ): Promise<string | null> => {
      const request = { url, remoteAddress, headers: forwarded };
      const { statusCode, headers, body } = await server.inject(request);
      expect(headers).not.toHaveProperty('x-ratelimit-limit');
      if (statusCode === 429) {
        expect(body).toBe('AUTH_RATE_LIMIT');
        return headers['retry-after'] as string;
      }
      expect([statusCode, body]).toEqual([200, url === '/' ? 'true' : 'yes']);
      return null;
    };
    const pass = (milliseconds: number) => (now += milliseconds);
    return { send, pass };
  }

  it('answers 429 to an address that has used up its attempts of the minute', async () => {
    const { send, pass } = await serviceWith(2);
    expect(await send('203.0.113.7')).toBeNull();
    expect(await send('203.0.113.7')).toBeNull();
    expect(await send('203.0.113.7')).toBe('60');
    expect(await send('203.0.113.8')).toBeNull();
    pass(59_999);
    expect(await send('203.0.113.7')).toBe('1');
    pass(1);
    expect(await send('203.0.113.7')).toBeNull();
  });

  it('does not extend the wait if the system clock is set back', async () => {
    const { send, pass } = await serviceWith(1);
    expect(await send('203.0.113.7')).toBeNull();
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() - 2 * 3600_000);
    expect(await send('203.0.113.7')).toBe('60');
    pass(60_000);
    expect(await send('203.0.113.7')).toBeNull();
  });

  it('counts the addresses of one IPv6 /64 network together', async () => {
    const { send } = await serviceWith(1);
    expect(await send('2001:db8::1')).toBeNull();
    expect(await send('2001:db8::2')).toBe('60');
    expect(await send('2001:db8:0:1::1')).toBeNull();
  });

  it('counts the address of the connection if the forwarded value is not an address', async () => {
    const { send } = await serviceWith(1);
    expect(await send('203.0.113.7', { 'x-forwarded-for': 'unknown' })).toBeNull();
    expect(await send('203.0.113.7', { 'x-forwarded-for': 'hidden' })).toBe('60');
  });

  it('does not count requests to other routes', async () => {
    const { send } = await serviceWith(1);
    for (let i = 0; i < 3; i++) expect(await send('203.0.113.7', { url: '/unlimited' })).toBeNull();
    expect(await send('203.0.113.7')).toBeNull();
  });

  it('does not limit requests if AUTH_RATE_LIMIT is 0', async () => {
    const { send } = await serviceWith(0);
    for (let i = 0; i < 3; i++) expect(await send('203.0.113.7')).toBeNull();
  });
});
