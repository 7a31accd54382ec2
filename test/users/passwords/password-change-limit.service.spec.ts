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
  const count = (token: Token): number | null => {
    try {
      limit.count(token);
      return null;
    } catch (error) {
      expect(error).toMatchObject({ code: 'too_many_requests', reason: 'changes of passwords' });
      return Number((error as ApiError).headers['retry-after']);
    }
  };
  const use = (token: Token, times = 10) => {
    for (let i = 0; i < times; i++) expect(count(token)).toBeNull();
  };

  it('accepts ten changes of a session per minute', () => {
    use(tokenOf('1', 'a'));
    expect(count(tokenOf('1', 'a'))).toBe(60);
    now = 59_999;
    expect(count(tokenOf('1', 'a'))).toBe(1);
    now = 60_000;
    use(tokenOf('1', 'a'));
  });

  it('counts each session separately', () => {
    use(tokenOf('1', 'a'));
    use(tokenOf('1', 'b'));
  });

  it('counts a token without a session by its user', () => {
    use(tokenOf('1'));
    expect(count(tokenOf('1'))).toBe(60);
    use(tokenOf('2'));
    use(tokenOf('1', 'a'));
  });

  it('does not count a user together with a session of the same name', () => {
    use(tokenOf('a'));
    use(tokenOf('1', 'a'));
  });

  it('remembers the last 20,000 sessions', () => {
    // One `expect` for all, because 40,000 calls of it would take seconds.
    const refused = (sessions: string[]) =>
      sessions.filter((session) => count(tokenOf('1', session)) !== null);
    const named = (prefix: string, length: number) =>
      Array.from({ length }, (_, i) => `${prefix} ${i}`);
    use(tokenOf('1', 'first'));
    expect(refused(named('some', 19_999))).toEqual([]);
    expect(count(tokenOf('1', 'first'))).toBe(60);
    expect(refused(named('other', 20_000))).toEqual([]);
    expect(count(tokenOf('1', 'first'))).toBeNull();
  });
});
