import type { ExecutionContext } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ApiError } from '../../src/errors/api-error.js';
import type { AppConfig } from '../../src/config/app-config.js';
import type { RouteRequirementsService } from '../../src/access/route-requirements.service.js';
import { type Claims, Token } from '../../src/tokens/token.js';
import { UserRateLimitGuard } from '../../src/limits/user-rate-limit.guard.js';

const tokenOf = (sub: string, sid?: string) =>
  new Token('signed', { alg: 'HS256' }, { sub, ...(sid !== undefined && { sid }) } as Claims);
const limited = () => undefined;
const unlimited = () => undefined;

describe('UserRateLimitGuard', () => {
  let now: number;

  beforeEach(() => {
    now = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const guardWith = (userRateLimit: number) => {
    const list = jest.fn(() => [
      { handler: limited, rateLimited: true },
      { handler: unlimited, rateLimited: false },
    ]);
    const guard = new UserRateLimitGuard(
      { limits: { userRateLimit } } as AppConfig,
      { list } as unknown as RouteRequirementsService,
    );
    guard.onModuleInit();
    /** @returns the seconds of `Retry-After`, or 0 if the request is allowed */
    const visit = async (token?: Token, handler: () => void = limited): Promise<number> => {
      const context = {
        getHandler: () => handler,
        switchToHttp: () => ({ getRequest: () => ({ token }) }),
      } as unknown as ExecutionContext;
      try {
        // No `expect` here: one test calls this 40,000 times, and as many assertions take seconds.
        if ((await guard.canActivate(context)) !== true) throw new Error('It did not return true.');
        return 0;
      } catch (error) {
        expect(error).toMatchObject({
          code: 'too_many_requests',
          reason: 'requests that write or hash',
        });
        const seconds = Number((error as ApiError).headers['retry-after']);
        expect(seconds).toBeGreaterThan(0);
        return seconds;
      }
    };
    return { list, visit };
  };

  it('bounds the requests of one user per minute over all sessions', async () => {
    const { visit } = guardWith(2);
    expect(await Promise.all([visit(tokenOf('1', 'a')), visit(tokenOf('1', 'b'))])).toEqual([0, 0]);
    expect(await Promise.all([visit(tokenOf('1', 'c')), visit(tokenOf('1'))])).toEqual([60, 60]);
    expect(await visit(tokenOf('2', 'd'))).toBe(0);
    now = 59_999;
    expect(await visit(tokenOf('1', 'c'))).toBe(1);
    now = 60_000;
    expect(await visit(tokenOf('1', 'c'))).toBe(0);
  });

  it('bounds the requests of one session as well', async () => {
    const { visit } = guardWith(2);
    expect(await Promise.all([visit(tokenOf('1', 'a')), visit(tokenOf('2', 'a'))])).toEqual([0, 0]);
    expect(await visit(tokenOf('3', 'a'))).toBe(60);
    expect(await visit(tokenOf('3', 'b'))).toBe(0);
  });

  it('counts a token without a session by its user only', async () => {
    const { visit } = guardWith(1);
    expect(
      await Promise.all([visit(tokenOf('1')), visit(tokenOf('2')), visit(tokenOf('1'))]),
    ).toEqual([0, 0, 60]);
  });

  it('counts a user and a session with the same id separately', async () => {
    const { visit } = guardWith(1);
    expect(await Promise.all([visit(tokenOf('1', '2')), visit(tokenOf('2', '3'))])).toEqual([0, 0]);
  });

  it('does not count routes that neither write nor hash, or requests without a token', async () => {
    const { visit } = guardWith(1);
    for (let i = 0; i < 3; i++) {
      expect(await Promise.all([visit(tokenOf('1'), unlimited), visit(undefined)])).toEqual([0, 0]);
    }
    expect(await visit(tokenOf('1'))).toBe(0);
  });

  it('does not limit requests or read the routes if the limit is 0', async () => {
    const { list, visit } = guardWith(0);
    for (let i = 0; i < 3; i++) expect(await visit(tokenOf('1'))).toBe(0);
    expect(list).not.toHaveBeenCalled();
  });

  it('remembers the counts of 20,000 users and sessions', async () => {
    const { visit } = guardWith(1);
    await visit(tokenOf('first'));
    for (let i = 1; i < 20_000; i++) await visit(tokenOf(`${i}`));
    expect(await visit(tokenOf('first'))).toBe(60);
    for (let i = 1; i <= 20_000; i++) await visit(tokenOf(`other ${i}`));
    expect(await visit(tokenOf('first'))).toBe(0);
  });
});
