import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { parseId } from '../http/resource-id.js';
import { AppConfig } from '../config/app-config.js';
import { Database } from '../database/database.js';
import type { Client } from '../http/client.js';
import { digestOf } from '../sessions/sealed-token.js';
import { SessionQuotaService } from '../sessions/session-quota.service.js';
import { newSession, SessionRepository } from '../sessions/session.repository.js';
import type { Session } from '../sessions/session.entity.js';
import { TokenError, tokenRevoked } from '../tokens/token-errors.js';
import { type AccessTokenOptions, TokenService } from '../tokens/token.service.js';
import type { Token } from '../tokens/token.js';
import type { KnownUser } from '../users/user.repository.js';
import { UserRolesService } from '../users/roles/user-roles.service.js';
import { type AuthenticatedUser, type Caller, UsersService } from '../users/users.service.js';
import { refusedLogin } from './auth-errors.js';

export interface TokenPair {
  access: Token;
  refresh: Token;
}

@Injectable()
export class AuthService {
  constructor(
    private readonly users: UsersService,
    private readonly roles: UserRolesService,
    private readonly tokens: TokenService,
    private readonly sessions: SessionRepository,
    private readonly quota: SessionQuotaService,
    private readonly audit: AuditService,
    private readonly database: Database,
    private readonly config: AppConfig,
  ) {}

  /**
   * Opens a session for a user whose password was just verified.
   *
   * @throws ApiError `credentials_invalid` if the password has changed in the meantime
   */
  login(user: AuthenticatedUser, client: Client): Promise<TokenPair> {
    return this.openSession(user, client, (current) => this.issuePair(current, client));
  }

  /**
   * As `login`, for clients that cannot refresh: the session has one access token and expires with
   * it.
   *
   * @param options.lifetime of the token and its session, in seconds
   * @param options.claims claims of the token in addition to the registered ones
   */
  async loginWithoutRefresh(
    user: AuthenticatedUser,
    client: Client,
    { lifetime, claims = {} }: { lifetime: number; claims?: Record<string, unknown> },
  ): Promise<Token> {
    const { access } = await this.openSession(user, client, async (current) => {
      const { session, options } = await this.newSessionWithOptions(current, client, lifetime);
      const expiring = { ...options, expiresIn: lifetime, claims };
      return { session, access: await this.tokens.createAccessToken(session.subject, expiring) };
    });
    return access;
  }

  /**
   * Changes the password of a user whose current password was just verified, ends all sessions of
   * the user, and opens a new one. The new tokens are issued first; everything else is one write.
   *
   * @param user as read when the password was verified
   * @returns null if the user has changed since then
   * @throws ApiError `password_too_common`
   * @throws TokenError `token_revoked` if the caller's session has ended
   */
  async changePassword(
    user: AuthenticatedUser,
    password: string,
    caller: Caller,
  ): Promise<TokenPair | null> {
    const passwordHash = await this.users.hashNewPassword(user, password, caller.client);
    const { session, ...pair } = await this.issuePair(user, caller.client);
    const isChanged = await this.database.write(async () => {
      if (!(await this.users.replacePassword(user, passwordHash, caller))) return false;
      await this.storeSession(session, user, caller.client);
      return true;
    });
    return isChanged ? pair : null;
  }

  /**
   * @param prepare creates a session and its tokens; called again if the roles of the user changed
   */
  private async openSession<T extends { session: Session }>(
    user: AuthenticatedUser,
    client: Client,
    prepare: (user: AuthenticatedUser) => Promise<T>,
  ): Promise<T> {
    const prepared = await prepare(user);
    const isOpen = await this.database.write(async () => {
      if (!(await this.users.lockIfUnchanged(user))) return false;
      await this.storeSession(prepared.session, user, client);
      return true;
    });
    if (isOpen) return prepared;
    const changed = await this.users.findWithChangedRoles(user);
    if (!changed) throw refusedLogin();
    return this.openSession(changed, client, prepare);
  }

  /**
   * Creates a session and its tokens. The session is not stored yet, so that a failing hook leaves
   * no session behind.
   */
  private async issuePair(
    user: AuthenticatedUser,
    client: Client,
  ): Promise<TokenPair & { session: Session }> {
    const { session, options } = await this.newSessionWithOptions(
      user,
      client,
      this.config.refreshTokenLifetime,
    );
    const { subject } = session;
    const csrf = this.config.tokenCookies;
    const access = await this.tokens.createAccessToken(subject, { ...options, csrf });
    const refresh = await this.tokens.createRefreshToken(subject, { ...options, csrf });
    session.currentToken = digestOf(refresh);
    return { session, access, refresh };
  }

  /** @param lifetime in seconds */
  private async newSessionWithOptions(user: AuthenticatedUser, client: Client, lifetime: number) {
    // The session and its tokens share one timestamp, so that they expire together.
    const createdAt = Date.now();
    const expiresAt = createdAt + Math.min(lifetime, this.config.sessionMaxAge) * 1000;
    const session = newSession({ ...client, subject: String(user.id), createdAt, expiresAt });
    const options: AccessTokenOptions = {
      ...(await this.roles.authorizationOf(user)),
      sessionId: session.id,
      notAfter: expiresAt,
      issuedAt: createdAt,
      fresh: true,
    };
    return { session, options };
  }

  /**
   * Stores a session, and ends others to keep within `MAX_SESSIONS`. Call it within a write that
   * has locked the user row.
   */
  private async storeSession(
    session: Session,
    { id }: AuthenticatedUser,
    client: Client,
  ): Promise<void> {
    for (const sessionId of await this.quota.endExcess(session)) {
      await this.audit.record('session_evicted', { userId: id, sessionId, client });
    }
    await this.sessions.open(session);
    await this.audit.record('login', { userId: id, sessionId: session.id, client });
  }

  /** @throws TokenError `token_revoked` if the user does not exist */
  async currentUser(token: Token): Promise<KnownUser> {
    const id = parseId(token.subject);
    const user = id === null ? undefined : await this.users.find(id);
    if (!user) throw new TokenError(tokenRevoked, 'the user does not exist');
    return user;
  }
}
