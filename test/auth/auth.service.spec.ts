import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AuditService } from '../../src/audit/audit.service.js';
import type { AppConfig } from '../../src/config/app-config.js';
import type { Database } from '../../src/database/database.js';
import { digestOf } from '../../src/sessions/sealed-token.js';
import type { SessionQuotaService } from '../../src/sessions/session-quota.service.js';
import type { SessionRepository } from '../../src/sessions/session.repository.js';
import type { Session } from '../../src/sessions/session.entity.js';
import type { TokenService } from '../../src/tokens/token.service.js';
import { type Claims, Token } from '../../src/tokens/token.js';
import type { KnownUser } from '../../src/users/user.repository.js';
import type { UserRolesService } from '../../src/users/roles/user-roles.service.js';
import type { AuthenticatedUser, UsersService } from '../../src/users/users.service.js';
import { AuthService } from '../../src/auth/auth.service.js';

const NOW = Date.UTC(2026, 0, 1);
const client = { ip: '203.0.113.7', agent: 'a browser' };
const leia = { id: 7, name: 'leia', passwordHash: 'hash', roleVersion: 3 } as AuthenticatedUser;
const caller = { token: new Token('', { alg: 'HS256' }, { sub: '7' } as Claims), client };

describe('AuthService', () => {
  /** The writes, in their order. */
  let events: unknown[];
  let inWrite: boolean;
  let opened: Session[];
  let config: { refreshTokenLifetime: number; sessionMaxAge: number; tokenCookies: boolean };
  let lockIfUnchanged: jest.Mock<UsersService['lockIfUnchanged']>;
  let findWithChangedRoles: jest.Mock<UsersService['findWithChangedRoles']>;
  let replacePassword: jest.Mock<UsersService['replacePassword']>;
  let hashNewPassword: jest.Mock<UsersService['hashNewPassword']>;
  let endExcess: jest.Mock<SessionQuotaService['endExcess']>;
  let create: jest.Mock<TokenService['createAccessToken']>;
  let service: AuthService;

  beforeEach(() => {
    jest.spyOn(Date, 'now').mockReturnValue(NOW);
    events = [];
    inWrite = false;
    opened = [];
    config = { refreshTokenLifetime: 600, sessionMaxAge: 6000, tokenCookies: false };
    const written = (...event: unknown[]) => {
      expect(inWrite).toBe(true);
      events.push(event);
    };
    lockIfUnchanged = jest.fn<UsersService['lockIfUnchanged']>(async () => {
      expect(inWrite).toBe(true);
      return true;
    });
    findWithChangedRoles = jest
      .fn<UsersService['findWithChangedRoles']>()
      .mockResolvedValue(undefined);
    replacePassword = jest.fn<UsersService['replacePassword']>(async (...given) => {
      written('replace', ...given);
      return true;
    });
    hashNewPassword = jest.fn<UsersService['hashNewPassword']>().mockResolvedValue('new hash');
    endExcess = jest.fn<SessionQuotaService['endExcess']>(async (session) => {
      written('make room', session.id);
      return [];
    });
    let issued = 0;
    const tokenOf =
      (type: 'access' | 'refresh') =>
      async (sub: string, options: object = {}) => {
        expect(inWrite).toBe(false);
        const claims = { sub, type, jti: `${type} ${++issued}`, ...options } as unknown as Claims;
        return new Token(claims.jti, { alg: 'HS256' }, claims);
      };
    create = jest.fn<TokenService['createAccessToken']>(tokenOf('access'));
    const authorizationOf: UserRolesService['authorizationOf'] = async ({ roleVersion }) => ({
      scope: roleVersion === 3 ? {} : { admin: true },
      roleVersion,
    });
    const find = async (id: number) => (id === 7 ? (leia as KnownUser) : undefined);
    const users: Partial<UsersService> = {
      ...{ lockIfUnchanged, findWithChangedRoles, replacePassword, hashNewPassword, find },
    };
    const tokens: Partial<TokenService> = {
      createAccessToken: create,
      createRefreshToken: tokenOf('refresh'),
    };
    const open: SessionRepository['open'] = async (session) => {
      written('open', session.id);
      opened.push(session);
    };
    const record: AuditService['record'] = async (event, details) => written(event, details);
    const write = async <T>(work: (manager: never) => Promise<T>): Promise<T> => {
      inWrite = true;
      try {
        return await work(undefined as never);
      } finally {
        inWrite = false;
      }
    };
    service = new AuthService(
      users as UsersService,
      { authorizationOf } as Partial<UserRolesService> as UserRolesService,
      tokens as TokenService,
      { open } as Partial<SessionRepository> as SessionRepository,
      { endExcess } as Partial<SessionQuotaService> as SessionQuotaService,
      { record } as Partial<AuditService> as AuditService,
      { write } as Partial<Database> as Database,
      config as AppConfig,
    );
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const refused = { code: 'credentials_invalid' };
  const begun = (id: string) => [
    ['make room', id],
    ['open', id],
    ['login', { userId: 7, sessionId: id, client }],
  ];

  describe('login', () => {
    it('opens a session of the client, and makes its refresh token the current one', async () => {
      const { access, refresh } = await service.login(leia, client);
      const session = opened[0]!;
      expect(opened).toHaveLength(1);
      expect(session).toMatchObject({
        ...{ subject: '7', ip: '203.0.113.7', agent: 'a browser', createdAt: NOW },
        ...{ expiresAt: NOW + 600_000, currentToken: digestOf(refresh) },
      });
      expect([access.type, refresh.type]).toEqual(['access', 'refresh']);
      expect(events).toEqual(begun(session.id));
    });

    it('issues fresh tokens of the session that hold scope and role version and end with it', async () => {
      const tokens = await service.login({ ...leia, roleVersion: 4 }, client);
      const options = {
        ...{ sub: '7', sessionId: opened[0]!.id, issuedAt: NOW, notAfter: NOW + 600_000 },
        ...{ fresh: true, scope: { admin: true }, roleVersion: 4, csrf: false },
      };
      expect(tokens.access.claims).toMatchObject(options);
      expect(tokens.refresh.claims).toMatchObject(options);
      expect(Object.keys(tokens).sort()).toEqual(expect.arrayContaining(['access', 'refresh']));
    });

    it('binds tokens to a CSRF value if they are sent as cookies', async () => {
      config.tokenCookies = true;
      const { access, refresh } = await service.login(leia, client);
      expect([access.claims.csrf, refresh.claims.csrf]).toEqual([true, true]);
    });

    it('opens no session that outlives SESSION_MAX_AGE', async () => {
      config.sessionMaxAge = 60;
      const { access } = await service.login(leia, client);
      expect(opened[0]?.expiresAt).toBe(NOW + 60_000);
      expect(access.claims.notAfter).toBe(NOW + 60_000);
    });

    it('records the sessions that the new one evicts', async () => {
      endExcess.mockResolvedValue(['oldest', 'older']);
      await service.login(leia, client);
      expect(events.slice(0, 2)).toEqual([
        ['session_evicted', { userId: 7, sessionId: 'oldest', client }],
        ['session_evicted', { userId: 7, sessionId: 'older', client }],
      ]);
    });

    it('opens no session if the password was changed concurrently', async () => {
      lockIfUnchanged.mockResolvedValue(false);
      await expect(service.login(leia, client)).rejects.toMatchObject(refused);
      expect(lockIfUnchanged.mock.calls).toEqual([[leia]]);
      expect(findWithChangedRoles.mock.calls).toEqual([[leia]]);
      expect(events).toEqual([]);
    });

    it('issues tokens of the new roles if the roles were changed concurrently', async () => {
      lockIfUnchanged.mockResolvedValueOnce(false);
      const promoted = { ...leia, roleVersion: 4 };
      findWithChangedRoles.mockResolvedValueOnce(promoted);
      const { access } = await service.login(leia, client);
      expect(access.claims.scope).toEqual({ admin: true });
      expect(lockIfUnchanged.mock.calls).toEqual([[leia], [promoted]]);
      expect(opened).toHaveLength(1);
    });

    it('opens no session if no token can be issued', async () => {
      create.mockRejectedValue(new Error('a hook failed'));
      await expect(service.login(leia, client)).rejects.toThrow('a hook failed');
      expect(events).toEqual([]);
    });
  });

  describe('loginWithoutRefresh', () => {
    const login = (claims?: Record<string, unknown>) =>
      service.loginWithoutRefresh(leia, client, { lifetime: 60, ...(claims && { claims }) });

    it('issues one access token, which ends with its session', async () => {
      const token = await login({ public_id: 'p' });
      const session = opened[0]!;
      expect(token.type).toBe('access');
      expect(token.claims).toMatchObject({
        ...{ sub: '7', sessionId: session.id, expiresIn: 60, notAfter: NOW + 60_000 },
        ...{ fresh: true, issuedAt: NOW, scope: {}, claims: { public_id: 'p' } },
      });
      expect(session).toMatchObject({ currentToken: null, expiresAt: NOW + 60_000, ...client });
      expect(events).toEqual(begun(session.id));
    });

    it('opens no session if the single token cannot be issued', async () => {
      create.mockRejectedValue(new Error('a hook failed'));
      await expect(login()).rejects.toThrow('a hook failed');
      expect(events).toEqual([]);
    });

    it('adds no claims by default', async () => {
      expect((await login()).claims.claims).toEqual({});
    });

    it('opens no session for a single token if the password was changed concurrently', async () => {
      lockIfUnchanged.mockResolvedValue(false);
      await expect(login()).rejects.toMatchObject(refused);
      expect(events).toEqual([]);
    });
  });

  describe('changePassword', () => {
    const change = () => service.changePassword(leia, 'new', caller);

    it('replaces the password and opens a new session in one write', async () => {
      const tokens = await change();
      const session = opened[0]!;
      expect(hashNewPassword.mock.calls).toEqual([[leia, 'new', client]]);
      expect(events).toEqual([['replace', leia, 'new hash', caller], ...begun(session.id)]);
      expect(tokens?.access.claims.sessionId).toBe(session.id);
      expect(session.currentToken).toBe(digestOf(tokens!.refresh));
      expect(session).toMatchObject(client);
      expect(Object.keys(tokens!)).toEqual(['access', 'refresh']);
    });

    it('opens no session if the user was changed after the password was verified', async () => {
      replacePassword.mockResolvedValue(false);
      expect(await change()).toBeNull();
      expect(events).toEqual([]);
    });
  });

  it('finds the user of a token, and refuses the token as revoked if there is none', async () => {
    const userOf = (sub: string) =>
      service.currentUser(new Token('', { alg: 'HS256' }, { sub } as Claims));
    expect(await userOf('7')).toBe(leia);
    for (const sub of ['8', 'service']) {
      await expect(userOf(sub)).rejects.toMatchObject({ code: 'token_revoked' });
    }
  });
});
