import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ApiError } from '../../../src/errors/api-error.js';
import { type Claims, Token } from '../../../src/tokens/token.js';
import { PasswordChangeLimitService } from '../../../src/users/passwords/password-change-limit.service.js';

const tokenOf = (sub: string, sid?: string) =>
  new Token('signed', { alg: 'HS256' }, { sub, ...(sid !== undefined && { sid }) } as Claims);

describe('PasswordChangeLimitService', () => {
  let limit: PasswordChangeLimitService;
  let now: number;

  beforeEach(() => {
    now = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    limit = new PasswordChangeLimitService();
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  /** @returns the seconds of `Retry-After`, or null if the change was counted */
  const count = async (token: Token): Promise<number | null> => {
    try {
      await limit.count(token);
      return null;
    } catch (error) {
      expect(error).toMatchObject({ code: 'too_many_requests', reason: 'changes of passwords' });
      return Number((error as ApiError).headers['retry-after']);
    }
  };
  const use = async (token: Token, times = 10) => {
    for (let i = 0; i < times; i++) expect(await count(token)).toBeNull();
  };

  it('accepts ten changes of a session per minute', async () => {
    await use(tokenOf('1', 'a'));
    expect(await count(tokenOf('1', 'a'))).toBe(60);
    now = 59_999;
    expect(await count(tokenOf('1', 'a'))).toBe(1);
    now = 60_000;
    await use(tokenOf('1', 'a'));
  });

  it('counts each session separately', async () => {
    await use(tokenOf('1', 'a'));
    await use(tokenOf('1', 'b'));
  });

  it('counts a token without a session by its user', async () => {
    await use(tokenOf('1'));
    expect(await count(tokenOf('1'))).toBe(60);
    await use(tokenOf('2'));
    await use(tokenOf('1', 'a'));
  });

  it('does not count a user together with a session of the same name', async () => {
    await use(tokenOf('a'));
    await use(tokenOf('1', 'a'));
  });

  it('remembers the last 20,000 sessions', async () => {
    // One `expect` for all, because 40,000 calls of it would take seconds.
    const refused = async (sessions: string[]) => {
      const waits = await Promise.all(sessions.map((session) => count(tokenOf('1', session))));
      return sessions.filter((_, i) => waits[i] !== null);
    };
    const named = (prefix: string, length: number) =>
      Array.from({ length }, (_, i) => `${prefix} ${i}`);
    await use(tokenOf('1', 'first'));
    expect(await refused(named('some', 19_999))).toEqual([]);
    expect(await count(tokenOf('1', 'first'))).toBe(60);
    expect(await refused(named('other', 20_000))).toEqual([]);
    expect(await count(tokenOf('1', 'first'))).toBeNull();
  });
});
