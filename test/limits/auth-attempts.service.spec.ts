import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import fastify, { type FastifyRequest } from 'fastify';
import type { AppConfig } from '../../src/config/app-config.js';
import { AuthAttemptsService } from '../../src/limits/auth-attempts.service.js';
import { SecurityEventsService } from '../../src/logging/security-events.service.js';
import { freePort } from '../support/tcp-proxy.js';

const request = {
  ip: '192.0.2.1',
  raw: { socket: { remoteAddress: '192.0.2.1' } },
} as unknown as FastifyRequest;

describe('AuthAttemptsService', () => {
  let events: SecurityEventsService;

  afterEach(() => {
    events.onModuleDestroy();
    jest.restoreAllMocks();
  });

  const serviceWith = (authRateLimit: number, redisUrl: string | null = null) => {
    events = new SecurityEventsService();
    return new AuthAttemptsService(
      { limits: { authRateLimit, redisUrl } } as unknown as AppConfig,
      events,
    );
  };
  /** A service that allows two attempts, and a limit that the instances share. */
  const sharing = () => {
    const service = serviceWith(2, 'redis://redis');
    const shared = {
      isConnected: true,
      take: jest.fn<(request: FastifyRequest) => Promise<number>>().mockResolvedValue(0),
      close: jest.fn(),
    };
    Object.assign(service, { shared });
    return { service, shared };
  };

  it('counts in the process without REDIS_URL', async () => {
    const service = serviceWith(1);
    const instance = fastify();
    const register = jest.spyOn(instance, 'register');
    await service.share(instance);
    expect(register).not.toHaveBeenCalled();
    expect([service.usesRedis, service.isShared]).toEqual([false, false]);
    expect(await service.take(request)).toBe(0);
    expect(await service.take(request)).toBe(60);
    service.onApplicationShutdown();
  });

  it('does not use Redis without a limit', async () => {
    const service = serviceWith(0, 'redis://redis');
    const instance = fastify();
    const register = jest.spyOn(instance, 'register');
    await service.share(instance);
    expect(register).not.toHaveBeenCalled();
    expect(service.usesRedis).toBe(false);
    expect(await service.take(request)).toBe(0);
  });

  it('allows an attempt that both this process and Redis allow', async () => {
    const { service, shared } = sharing();
    expect([service.usesRedis, service.isShared]).toEqual([true, true]);
    expect(await service.take(request)).toBe(0);
    expect(shared.take).toHaveBeenCalledWith(request);
    shared.take.mockResolvedValue(17);
    expect(await service.take(request)).toBe(17);
  });

  it('does not ask Redis about an attempt that it refuses itself', async () => {
    const { service, shared } = sharing();
    for (let i = 0; i < 2; i++) await service.take(request);
    expect(await service.take(request)).toBe(60);
    jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 59_500);
    expect(await service.take(request)).toBe(1);
    expect(shared.take).toHaveBeenCalledTimes(2);
  });

  it('allows what this process allows if Redis does not answer, and counts and logs it', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
    const { service, shared } = sharing();
    shared.take.mockRejectedValue(new Error('Command timed out'));
    expect(await service.take(request)).toBe(0);
    expect(await service.take(request)).toBe(0);
    expect(await service.take(request)).toBe(60);
    expect(events.totals()).toEqual({ limit_not_shared: { AUTH_RATE_LIMIT: 2 } });
    expect(warn.mock.calls[0]).toEqual([
      'Attempts were counted in this process alone, because Redis did not answer (AUTH_RATE_LIMIT): Command timed out',
    ]);
  });

  it('closes the connection at the end', () => {
    const { service, shared } = sharing();
    service.onApplicationShutdown();
    expect(shared.close).toHaveBeenCalled();
  });

  it('starts without a connection, and says so', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
    const service = serviceWith(1, `redis://127.0.0.1:${await freePort()}`);
    const instance = fastify();
    await service.share(instance);
    expect(warn).toHaveBeenCalledWith(
      'Redis cannot be reached. Until it can, AUTH_RATE_LIMIT counts in this process alone.',
    );
    expect([service.usesRedis, service.isShared]).toEqual([true, false]);
    service.onApplicationShutdown();
    await instance.close();
  });
});
