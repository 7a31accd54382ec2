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
import { type AuthenticatedUser, type Caller, UsersService } from '../users/users.service.js';
import { refusedLogin } from './auth-errors.js';
import { roleOf } from './role.js';

export interface TokenPair {
  access: Token;
  refresh: Token;
}

@Injectable()
export class AuthService {
  constructor(
    private readonly users: UsersService,
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
   * @throws ApiError `credentials_invalid` where the password was changed meanwhile
   */
  login(user: AuthenticatedUser, client: Client): Promise<TokenPair> {
    return this.openSession(user, client, (now) => this.issuePair(now, client));
  }

  /**
   * As `login`, for clients that know of no refresh: the session lives as long as its one token.
   *
   * @param options.lifetime of the token and its session, in seconds
   * @param options.claims more claims of the token, beside the registered ones
   */
  async loginWithoutRefresh(
    user: AuthenticatedUser,
    client: Client,
    { lifetime, claims = {} }: { lifetime: number; claims?: Record<string, unknown> },
  ): Promise<Token> {
    const { access } = await this.openSession(user, client, async (now) => {
      const { session, options } = this.newSessionWithOptions(now, client, lifetime);
      const expiring = { ...options, expiresIn: lifetime, claims };
      return { session, access: await this.tokens.createAccessToken(session.subject, expiring) };
    });
    return access;
  }

  /**
   * Gives a user whose password was just verified another one, and a new session in place of all
   * that there are. Everything is one write; the tokens are made before it.
   *
   * @param user as it was when the password was verified
   * @returns null if the user is not the same any more
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

  /** @param prepare makes the tokens of the session, which end with it */
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
    const changed = await this.users.findWithChangedRole(user);
    if (!changed) throw refusedLogin();
    return this.openSession(changed, client, prepare);
  }

  /**
   * A session that is not stored yet, with its tokens: they are issued first, so that a failing hook
   * leaves no session behind.
   */
  private async issuePair(
    user: AuthenticatedUser,
    client: Client,
  ): Promise<TokenPair & { session: Session }> {
    const { session, options } = this.newSessionWithOptions(
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
  private newSessionWithOptions(user: AuthenticatedUser, client: Client, lifetime: number) {
    // One moment for the session and its tokens, so that they end together.
    const createdAt = Date.now();
    const expiresAt = createdAt + Math.min(lifetime, this.config.sessionMaxAge) * 1000;
    const session = newSession({ ...client, subject: String(user.id), createdAt, expiresAt });
    const options: AccessTokenOptions = {
      ...roleOf(user),
      sessionId: session.id,
      notAfter: expiresAt,
      issuedAt: createdAt,
      fresh: true,
    };
    return { session, options };
  }

  /** Within a write that holds the user's row: stores a session, and keeps to `MAX_SESSIONS`. */
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

  /** @throws TokenError `token_revoked` where the user is gone */
  async currentUser(token: Token): Promise<KnownUser> {
    const id = parseId(token.subject);
    const user = id === null ? undefined : await this.users.find(id);
    if (!user) throw new TokenError(tokenRevoked, 'there is no such user');
    return user;
  }
}
