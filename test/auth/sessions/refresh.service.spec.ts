import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { AppConfig } from '../../../src/config/app-config.js';
import type { Database } from '../../../src/database/database.js';
import type { Client } from '../../../src/http/client.js';
import { digestOf } from '../../../src/sessions/sealed-token.js';
import { newSession, type SessionRepository } from '../../../src/sessions/session.repository.js';
import type { Session } from '../../../src/sessions/session.entity.js';
import type { SuccessorSealService } from '../../../src/sessions/successor-seal.service.js';
import type { TokenService } from '../../../src/tokens/token.service.js';
import { type Claims, Token } from '../../../src/tokens/token.js';
import type { UserRolesService } from '../../../src/users/roles/user-roles.service.js';
import type { KnownUser } from '../../../src/users/user.repository.js';
import type { AuthService } from '../../../src/auth/auth.service.js';
import { SecurityEventsService } from '../../../src/logging/security-events.service.js';
import type { RefreshRepeatsService } from '../../../src/auth/sessions/refresh-repeats.service.js';
import { RefreshService } from '../../../src/auth/sessions/refresh.service.js';

const NOW = 1_700_000_000_000;
const DAY = 24 * 60 * 60;
const exp = NOW / 1000 + 100;

function tokenOf(jti: string, claims: Partial<Claims> = {}): Token {
  return new Token(jti, { alg: 'HS256' }, { sub: '7', jti, sid: 'sid', exp, ...claims } as Claims);
}

const presented = tokenOf('presented');
const access = tokenOf('access');
const successor = tokenOf('successor', { exp: exp + 50 });
const client: Client = { ip: '192.0.2.7', agent: 'Firefox' };

describe('RefreshService', () => {
  let session: Session | undefined;
  let events: SecurityEventsService;
  let user: KnownUser;
  let isWriting = false;
  const createAccessToken = jest.fn<TokenService['createAccessToken']>();
  const createRefreshToken = jest.fn<TokenService['createRefreshToken']>();
  const recordUse = jest.fn<SessionRepository['recordUse']>();
  const rotateRefreshToken = jest.fn<SessionRepository['rotateRefreshToken']>();
  const findActive = jest.fn<SessionRepository['findActive']>();
  const answer = jest.fn<RefreshRepeatsService['answer']>();
  const seal = jest.fn<SuccessorSealService['seal']>();
  const retryWithNewKeys = (write: () => Promise<unknown>) => write();

  beforeEach(() => {
    jest.useFakeTimers({ now: NOW });
    user = { id: 7, roleVersion: 3 } as KnownUser;
    const expiresAt = NOW + 5000;
    session = {
      ...newSession({ subject: '7', createdAt: NOW - 1000, expiresAt, agent: null, ip: null }),
      currentToken: digestOf(presented),
    };
    events = new SecurityEventsService();
    createAccessToken.mockResolvedValue(access);
    createRefreshToken.mockResolvedValue(successor);
    findActive.mockImplementation(() => Promise.resolve(session));
    recordUse.mockResolvedValue(true);
    rotateRefreshToken.mockImplementation(() => Promise.resolve(isWriting));
    answer.mockResolvedValue('ended');
    seal.mockReturnValue('sealed');
  });
  afterEach(() => {
    jest.useRealTimers();
    jest.resetAllMocks();
  });

  const authorizationOf: UserRolesService['authorizationOf'] = async ({ roleVersion }) => ({
    scope: roleVersion === 3 ? {} : { admin: true },
    roleVersion,
  });
  const refresh = (token = presented, env: Record<string, string> = {}) => {
    const database = {
      write: async (work: () => Promise<unknown>) => {
        isWriting = true;
        return work().finally(() => (isWriting = false));
      },
    } as unknown as Database;
    return new RefreshService(
      { currentUser: () => Promise.resolve(user) } as unknown as AuthService,
      { authorizationOf } as Partial<UserRolesService> as UserRolesService,
      { createAccessToken, createRefreshToken } as unknown as TokenService,
      { recordUse, rotateRefreshToken, findActive } as unknown as SessionRepository,
      { answer } as unknown as RefreshRepeatsService,
      { seal, retryWithNewKeys } as unknown as SuccessorSealService,
      database,
      AppConfig.from({ JWT_REFRESH_TOKEN_EXPIRES: '30d', SESSION_MAX_AGE: '90d', ...env }),
      events,
    ).refresh(token, client);
  };
  const revoked = expect.objectContaining({ code: 'token_revoked' });
  const refreshEnd = NOW + 30 * DAY * 1000;

  describe('REFRESH_ROTATION=true', () => {
    it('issues a new pair, and rotates the refresh token', async () => {
      expect(await refresh()).toEqual({ access, refresh: successor });
      expect(events.totals().refresh).toEqual({ rotated: 1 });
      expect(rotateRefreshToken.mock.calls).toEqual([
        [
          {
            id: 'sid',
            from: digestOf(presented),
            to: digestOf(successor),
            successor: 'sealed',
            range: '192.0.2',
            agent: 'Firefox',
            now: NOW,
            expiresAt: successor.expiresAt.getTime(),
          },
        ],
      ]);
      expect(seal.mock.calls).toEqual([[successor, presented]]);
      expect(answer).not.toHaveBeenCalled();
    });

    it('issues both tokens for the subject and the session of the old one', async () => {
      await refresh();
      const options = { sessionId: 'sid', notAfter: refreshEnd, csrf: false };
      expect(createAccessToken.mock.calls).toEqual([
        ['7', { ...options, scope: {}, roleVersion: 3 }],
      ]);
      expect(createRefreshToken.mock.calls).toEqual([['7', options]]);
    });

    it('issues an access token with the current roles of the user', async () => {
      user.roleVersion = 4;
      await refresh();
      expect(createAccessToken.mock.lastCall![1]).toMatchObject({
        scope: { admin: true },
        roleVersion: 4,
      });
    });

    it('binds the tokens to CSRF values if TOKEN_COOKIES is set', async () => {
      await refresh(presented, { TOKEN_COOKIES: 'true' });
      expect(createAccessToken.mock.lastCall![1]).toMatchObject({ csrf: true });
      expect(createRefreshToken.mock.lastCall![1]).toMatchObject({ csrf: true });
    });

    it('never extends a session beyond SESSION_MAX_AGE', async () => {
      session!.createdAt = NOW - 80 * DAY * 1000;
      await refresh();
      const notAfter = NOW + 10 * DAY * 1000;
      expect(createAccessToken.mock.lastCall![1]).toMatchObject({ notAfter });
      expect(createRefreshToken.mock.lastCall![1]).toMatchObject({ notAfter });
    });

    it('accepts any refresh token in a session without a current one', async () => {
      session!.currentToken = null;
      expect(await refresh()).toEqual({ access, refresh: successor });
    });

    it('stores no successor without a grace period', async () => {
      await refresh(presented, { REFRESH_GRACE: '0' });
      expect(rotateRefreshToken.mock.lastCall![0]).toMatchObject({
        successor: null,
        range: null,
        agent: null,
      });
      expect(seal).not.toHaveBeenCalled();
    });

    it('stores the successor with the shortest grace period', async () => {
      await refresh(presented, { REFRESH_GRACE: '1s' });
      expect(rotateRefreshToken.mock.lastCall![0]).toMatchObject({ successor: 'sealed' });
    });

    it('answers a rotated token through RefreshRepeatsService, within the write', async () => {
      session!.currentToken = digestOf(successor);
      let wasWriting = false;
      answer.mockImplementation(() => {
        wasWriting = isWriting;
        return Promise.resolve(successor);
      });
      expect(await refresh()).toEqual({ access, refresh: successor });
      expect(wasWriting).toBe(true);
      expect(answer.mock.calls).toEqual([[presented, 'sid', { userId: 7, client }]]);
      expect(rotateRefreshToken).not.toHaveBeenCalled();
      expect(createRefreshToken).not.toHaveBeenCalled();
    });

    it('limits the access token for a rotated refresh token to the end of the session', async () => {
      session!.currentToken = digestOf(successor);
      answer.mockResolvedValue(successor);
      await refresh();
      expect(createAccessToken.mock.lastCall![1]).toMatchObject({ notAfter: session!.expiresAt });
    });

    it('treats a token as rotated if another request rotates it concurrently', async () => {
      const other = tokenOf('other');
      rotateRefreshToken.mockResolvedValue(false);
      answer.mockResolvedValue(other);
      expect(await refresh()).toEqual({ access, refresh: other });
      expect(events.totals().refresh).toEqual({ repeated: 1 });
    });

    it.each(['ended', 'reused'] as const)(
      'refuses the refresh after the write if RefreshRepeatsService answers "%s"',
      async (answered) => {
        answer.mockResolvedValue(answered);
        rotateRefreshToken.mockResolvedValue(false);
        const [result, reason] =
          answered === 'reused'
            ? ['reused', 'a rotated refresh token was reused, and its session has ended']
            : ['token_revoked', 'the session has ended'];
        await expect(refresh()).rejects.toMatchObject({ code: 'token_revoked', reason });
        expect(events.totals().refresh).toEqual({ [result]: 1 });
      },
    );

    it('refuses the refresh if the session has ended', async () => {
      session = undefined;
      await expect(refresh()).rejects.toEqual(revoked);
      expect(createAccessToken).not.toHaveBeenCalled();
    });

    it.each([
      ['access', createAccessToken],
      ['refresh', createRefreshToken],
    ])('rotates nothing if a hook refuses the new %s token', async (_, create) => {
      create.mockRejectedValue(new Error('a hook says no'));
      await expect(refresh()).rejects.toThrow('a hook says no');
      expect(rotateRefreshToken).not.toHaveBeenCalled();
    });

    it('returns a refresh token without a session unchanged', async () => {
      const bare = tokenOf('bare', { sid: undefined } as never);
      expect(await refresh(bare)).toEqual({ access, refresh: bare });
      const options = { notAfter: exp * 1000, csrf: false, scope: {}, roleVersion: 3 };
      expect(createAccessToken.mock.calls).toEqual([['7', options]]);
      expect(findActive).not.toHaveBeenCalled();
    });
  });

  describe('REFRESH_ROTATION=false', () => {
    const env = { REFRESH_ROTATION: 'false' };

    it('issues an access token only, which ends with the refresh token at the latest', async () => {
      expect(await refresh(presented, env)).toEqual({ access });
      expect(recordUse.mock.calls).toEqual([['sid', digestOf(presented)]]);
      const options = { sessionId: 'sid', notAfter: exp * 1000, csrf: false };
      const issued = { ...options, scope: {}, roleVersion: 3 };
      expect(createAccessToken.mock.calls).toEqual([['7', issued]]);
      expect(rotateRefreshToken).not.toHaveBeenCalled();
    });

    it('refuses a refresh without rotation if the session has ended or the token was rotated', async () => {
      recordUse.mockResolvedValue(false);
      await expect(refresh(presented, env)).rejects.toEqual(revoked);
      expect(createAccessToken).not.toHaveBeenCalled();
    });

    it('issues an access token only, for a refresh token without a session', async () => {
      expect(await refresh(tokenOf('bare', { sid: undefined } as never), env)).toEqual({ access });
      expect(recordUse).not.toHaveBeenCalled();
    });
  });
});
