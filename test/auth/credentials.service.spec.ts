import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AuditService } from '../../src/audit/audit.service.js';
import type { SessionRepository } from '../../src/sessions/session.repository.js';
import type { Session } from '../../src/sessions/session.entity.js';
import { TokenError, tokenRevoked } from '../../src/tokens/token-errors.js';
import { type Claims, Token } from '../../src/tokens/token.js';
import type { HashQueueKeys, PasswordHasher } from '../../src/passwords/password-hasher.js';
import type { AuthenticatedUser, UsersService } from '../../src/users/users.service.js';
import type { AuthService, TokenPair } from '../../src/auth/auth.service.js';
import { CredentialsService } from '../../src/auth/credentials.service.js';
import type { LoginNamesService } from '../../src/auth/login-names.service.js';
import { SecurityEventsService } from '../../src/logging/security-events.service.js';
import type { LoginThrottleService } from '../../src/auth/throttle/login-throttle.service.js';

const client = { ip: '203.0.113.7', agent: null };
const user = { id: 7, name: 'leia', passwordHash: 'hash', admin: false } as AuthenticatedUser;
const tokenOf = (sid?: string) =>
  new Token('signed', { alg: 'HS256' }, { sub: '7', ...(sid && { sid }) } as Claims);
const [token, withoutSession] = [tokenOf('session'), tokenOf()];

describe('CredentialsService', () => {
  let session: { id: string; passwordAttempts: number } | undefined;
  let attempt: jest.Mock<LoginThrottleService['attempt']>;
  let verified: number;
  let queueKeys: HashQueueKeys[];
  let outdated: boolean;
  let stored: AuthenticatedUser | undefined;
  let updateHashIfUnchanged: jest.Mock<UsersService['updateHashIfUnchanged']>;
  let requireActiveSession: jest.Mock<UsersService['requireActiveSession']>;
  let changePassword: jest.Mock<AuthService['changePassword']>;
  let recorded: unknown[];
  let service: CredentialsService;
  let events: SecurityEventsService;

  beforeEach(() => {
    session = { id: 'session', passwordAttempts: 0 };
    verified = 0;
    recorded = [];
    queueKeys = [];
    outdated = false;
    stored = user;
    attempt = jest.fn<LoginThrottleService['attempt']>(async (_name, _client, verify, options) => {
      const isRight = await verify(async () => options.beforeVerify?.());
      await (isRight ? options.onSuccess?.() : options.onFailure());
      return isRight;
    });
    const passwords: Partial<PasswordHasher> = {
      verify: async (hash, password, keys, beforeHash) => {
        queueKeys.push(keys);
        await beforeHash?.(false);
        verified++;
        return hash !== null && password === 'right';
      },
      isOutdated: () => outdated,
      hash: async (password, keys) => {
        queueKeys.push(keys);
        return `hash of ${password}`;
      },
    };
    updateHashIfUnchanged = jest
      .fn<UsersService['updateHashIfUnchanged']>()
      .mockResolvedValue(true);
    requireActiveSession = jest.fn<UsersService['requireActiveSession']>().mockResolvedValue();
    changePassword = jest.fn<AuthService['changePassword']>();
    const users: Partial<UsersService> = {
      findByIdWithHash: async (id) => (id === 7 ? stored : undefined),
      updateHashIfUnchanged,
      idOf: async (name) => (name === 'leia' ? 7 : null),
      requireActiveSession,
    };
    const findUser: LoginNamesService['findUser'] = async (name) =>
      ['leia', 'leia@alderaan.example'].includes(name) ? stored : undefined;
    const sessions: Partial<SessionRepository> = {
      countPasswordAttempt: async (_id, max) => {
        if (!session || session.passwordAttempts >= max) return false;
        session.passwordAttempts++;
        return true;
      },
      resetPasswordAttempts: async () => {
        if (session) session.passwordAttempts = 0;
      },
      findActive: async () => session as Session | undefined,
      end: async () => {
        const isActive = session !== undefined;
        session = undefined;
        return isActive;
      },
    };
    const record: AuditService['record'] = async (event, details) => {
      recorded.push([event, details]);
    };
    events = new SecurityEventsService();
    service = new CredentialsService(
      users as UsersService,
      { findUser } as Partial<LoginNamesService> as LoginNamesService,
      passwords as PasswordHasher,
      { attempt } as Partial<LoginThrottleService> as LoginThrottleService,
      { changePassword } as Partial<AuthService> as AuthService,
      sessions as SessionRepository,
      { record } as Partial<AuditService> as AuditService,
      events,
    );
  });

  const confirm = (password: string, by = token) =>
    service.confirmPassword(user, password, by, client);
  const fail = async (times: number, by = token) => {
    for (let i = 0; i < times; i++) {
      await expect(confirm('wrong', by)).rejects.toMatchObject({ code: 'current_password_wrong' });
    }
  };
  const failed = ['login_failed', { userId: 7, client, token }];

  describe('verify', () => {
    it('counts logins by their result', async () => {
      await service.verify('leia', 'right', client);
      await service.verify('leia', 'wrong', client).catch(() => undefined);
      await service.verify('vader', 'wrong', client).catch(() => undefined);
      attempt.mockRejectedValueOnce(new Error('broken'));
      await service.verify('leia', 'right', client).catch(() => undefined);
      expect(events.totals().login).toEqual({
        succeeded: 1,
        credentials_invalid: 2,
        internal_error: 1,
      });
    });

    it('returns the user of a correct password, and records no failure', async () => {
      expect(await service.verify('leia', 'right', client)).toBe(user);
      expect(recorded).toEqual([]);
      expect(attempt.mock.calls[0]?.slice(0, 2)).toEqual(['leia', client]);
    });

    it('counts an attempt by the name of the user, also if another text found the user', async () => {
      await service.verify('leia@alderaan.example', 'right', client);
      await service.verify('vader', 'wrong', client).catch(() => undefined);
      expect(attempt.mock.calls.map(([name]) => name)).toEqual(['leia', 'vader']);
    });

    it('never returns a user who does not exist, even if the verification succeeds', async () => {
      attempt.mockResolvedValue(true);
      await expect(service.verify('vader', 'right', client)).rejects.toMatchObject({
        code: 'credentials_invalid',
      });
    });

    it('refuses a wrong password with 401, and records the failure for the user of that name', async () => {
      const wrong = expect.objectContaining({ code: 'credentials_invalid' });
      await expect(service.verify('leia', 'wrong', client)).rejects.toEqual(wrong);
      await expect(service.verify('vader', 'wrong', client)).rejects.toEqual(wrong);
      expect(recorded).toEqual([
        ['login_failed', { userId: 7, client }],
        ['login_failed', { userId: null, client }],
      ]);
    });
  });

  describe('verify with an outdated hash', () => {
    beforeEach(() => {
      outdated = true;
    });

    it('stores a new hash, and returns the user with it', async () => {
      const renewed = { ...user, passwordHash: 'hash of right' };
      expect(await service.verify('leia', 'right', client)).toEqual(renewed);
      expect(updateHashIfUnchanged.mock.calls).toEqual([[user, 'hash of right']]);
      expect(queueKeys[1]).toBe(queueKeys[0]);
    });

    it('verifies the password again if another request replaced the hash first', async () => {
      updateHashIfUnchanged.mockImplementationOnce(async () => {
        outdated = false;
        return false;
      });
      expect(await service.verify('leia', 'right', client)).toBe(user);
      expect(verified).toBe(2);
    });

    it('gives up with 503 if others replaced the hash three times', async () => {
      updateHashIfUnchanged.mockResolvedValue(false);
      await expect(service.verify('leia', 'right', client)).rejects.toMatchObject({
        code: 'service_unavailable',
      });
      expect(verified).toBe(3);
    });
  });

  describe('The queue keys of a hash', () => {
    const networks = ['203.0.0.0/16', '203.0.113.0/24'];

    it('queues the hash of a login by its address range and its name in Unicode NFC', async () => {
      await service.verify('leia', 'right', client);
      await service.verify('ame\u0301lie', 'wrong', client).catch(() => undefined);
      expect(queueKeys).toMatchObject([
        { range: networks, account: 'login 203.0.113 leia' },
        { range: networks, account: 'login 203.0.113 am\u00e9lie' },
      ]);
    });

    it('queues the hash of a user by account if the token has a session', async () => {
      await confirm('right');
      await confirm('right', withoutSession);
      expect(queueKeys.map(({ account }) => account)).toEqual([
        ...['account leia', 'login 203.0.113 leia'],
      ]);
    });
  });

  describe('isPasswordOf', () => {
    it('is true for the password of the user, and records no failure', async () => {
      expect(await service.isPasswordOf(7, 'right', client)).toBe(true);
      expect(recorded).toEqual([]);
    });

    it('is false for a wrong password, and records the failure like that of a login', async () => {
      expect(await service.isPasswordOf(7, 'wrong', client)).toBe(false);
      expect(recorded).toEqual([['login_failed', { userId: 7, client }]]);
    });

    it('passes the throttle as a login of the user, and ends no session', async () => {
      await service.isPasswordOf(7, 'wrong', client);
      expect(attempt.mock.calls.map(([name, by]) => [name, by])).toEqual([['leia', client]]);
      expect(attempt.mock.calls[0]?.[3].isKnown).toBeUndefined();
      expect(queueKeys.map(({ account }) => account)).toEqual(['login 203.0.113 leia']);
      expect(session).toEqual({ id: 'session', passwordAttempts: 0 });
    });

    it('lets the throttle check an attempt before it verifies a password', async () => {
      const refused = new Error('throttled');
      attempt.mockImplementation((_name, _client, verify) => verify(() => Promise.reject(refused)));
      await expect(service.isPasswordOf(7, 'right', client)).rejects.toBe(refused);
      expect(verified).toBe(0);
    });

    it('is false for a user who does not exist, and verifies nothing', async () => {
      expect(await service.isPasswordOf(8, 'right', client)).toBe(false);
      expect(attempt).not.toHaveBeenCalled();
    });
  });

  describe('confirmPassword', () => {
    it('refuses the token as revoked if the user was deleted', async () => {
      stored = undefined;
      await expect(confirm('right')).rejects.toMatchObject({ code: 'token_revoked' });
      expect(attempt).not.toHaveBeenCalled();
    });

    it('returns the user of a correct current password', async () => {
      expect(await confirm('right')).toBe(user);
      expect(recorded).toEqual([]);
      expect(attempt.mock.calls[0]?.slice(0, 2)).toEqual(['leia', client]);
    });

    it('refuses a wrong current password with 400, and records the failure with the token', async () => {
      await fail(1);
      expect(recorded).toEqual([failed]);
      expect(session).toEqual({ id: 'session', passwordAttempts: 1 });
    });

    it('ends the session after the fifth wrong password in a row', async () => {
      await fail(4);
      expect(session).toBeDefined();
      await fail(1);
      expect(session).toBeUndefined();
      const guessed = ['password_guessed', { userId: 7, client, token }];
      expect(recorded).toEqual([failed, failed, failed, failed, failed, guessed]);
    });

    it('restarts the count of wrong passwords after a correct one', async () => {
      await fail(4);
      await confirm('right');
      await fail(4);
      expect(session).toBeDefined();
      expect(recorded).toHaveLength(8);
    });

    it('verifies no password in a session that has ended', async () => {
      session = undefined;
      await expect(confirm('right')).rejects.toMatchObject({ code: 'token_revoked' });
      expect(verified).toBe(0);
    });

    it('verifies no more passwords concurrently than may fail in a row', async () => {
      session!.passwordAttempts = 5;
      await expect(confirm('right')).rejects.toMatchObject({
        code: 'too_many_requests',
        headers: { 'retry-after': '1' },
      });
      expect(verified).toBe(0);
    });

    it('treats a user as known to the throttle if the token has a session', async () => {
      await confirm('right');
      await confirm('right', withoutSession);
      expect(attempt.mock.calls.map(([, , , options]) => options.isKnown)).toEqual([true, false]);
    });

    it('counts no failures by session if the token has no session', async () => {
      await fail(6, withoutSession);
      await confirm('right', withoutSession);
      expect(session).toEqual({ id: 'session', passwordAttempts: 0 });
      session!.passwordAttempts = 3;
      await confirm('right', withoutSession);
      expect(session).toEqual({ id: 'session', passwordAttempts: 3 });
      session!.passwordAttempts = 5;
      await fail(1, withoutSession);
      expect(session).toBeDefined();
      expect(recorded).toHaveLength(7);
    });

    it('records no failure if the session of the token ended during the verification', async () => {
      requireActiveSession.mockRejectedValue(new TokenError(tokenRevoked));
      await expect(confirm('wrong')).rejects.toMatchObject({ code: 'token_revoked' });
      expect(requireActiveSession).toHaveBeenCalledWith(token);
      expect(recorded).toEqual([]);
    });

    it('records the failure, and ends no session, if the session was removed concurrently', async () => {
      requireActiveSession.mockImplementation(async () => {
        session = undefined;
      });
      await fail(1);
      expect(recorded).toEqual([failed]);
    });
  });

  describe('changePassword', () => {
    const pair = {} as TokenPair;
    const change = (current: string) =>
      service.changePassword(user, { current, next: 'new' }, token, client);

    it('issues new tokens to a user whose current password was verified', async () => {
      changePassword.mockResolvedValue(pair);
      expect(await change('right')).toBe(pair);
      expect(changePassword.mock.calls).toEqual([[user, 'new', { token, client }]]);
    });

    it('does not change the password if the current password is wrong', async () => {
      await expect(change('wrong')).rejects.toMatchObject({ code: 'current_password_wrong' });
      expect(changePassword).not.toHaveBeenCalled();
    });

    it('verifies the current password again if the stored hash was replaced concurrently', async () => {
      changePassword.mockResolvedValueOnce(null).mockResolvedValueOnce(null);
      changePassword.mockResolvedValueOnce(pair);
      expect(await change('right')).toBe(pair);
      expect(verified).toBe(3);
    });

    it('gives up with 503 if the password could not be changed three times', async () => {
      changePassword.mockResolvedValue(null);
      await expect(change('right')).rejects.toMatchObject({ code: 'service_unavailable' });
      expect(verified).toBe(3);
    });
  });
});
