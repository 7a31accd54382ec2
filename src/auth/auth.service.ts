import { Injectable } from '@nestjs/common';
import { AuditTrail } from '../audit/audit-trail.js';
import { parseId } from '../common/resource-id.js';
import { AppConfig } from '../config/app-config.js';
import { Database } from '../database/database.js';
import type { Client } from '../http/client.js';
import { digestOf } from '../tokens/sealed-token.js';
import { newSession, SessionRepository } from '../tokens/session.repository.js';
import type { Session } from '../tokens/session.js';
import { TokenError, tokenRevoked } from '../tokens/token-error.js';
import { type AccessTokenOptions, TokenService } from '../tokens/token.service.js';
import type { Token } from '../tokens/token.js';
import type { KnownUser } from '../users/user.repository.js';
import { type AuthenticatedUser, UsersService } from '../users/users.service.js';
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
    private readonly audit: AuditTrail,
    private readonly database: Database,
    private readonly config: AppConfig,
  ) {}

  /**
   * Opens a session for a user whose password was just verified.
   *
   * @throws ApiError `credentials_invalid` where the password was changed meanwhile
   */
  login(user: AuthenticatedUser, client: Client): Promise<TokenPair> {
    const csrf = this.config.tokenCookies;
    return this.open(user, client, this.config.refreshTokenLifetime, async (subject, options) => ({
      access: await this.tokens.createAccessToken(subject, { ...options, csrf }),
      refresh: await this.tokens.createRefreshToken(subject, { ...options, csrf }),
    }));
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
    const own = { expiresIn: lifetime, claims };
    const { access } = await this.open(user, client, lifetime, async (subject, options) => ({
      access: await this.tokens.createAccessToken(subject, { ...options, ...own }),
    }));
    return access;
  }

  /** @param issue makes the tokens of the session, which end with it */
  private async open<T extends { access: Token; refresh?: Token }>(
    user: AuthenticatedUser,
    client: Client,
    lifetime: number,
    issue: (subject: string, options: AccessTokenOptions) => Promise<T>,
  ): Promise<T> {
    const subject = String(user.id);
    // One moment for the session and its tokens, so that they end together.
    const createdAt = Date.now();
    const expiresAt = createdAt + Math.min(lifetime, this.config.sessionMaxAge) * 1000;
    const session = newSession({ ...client, subject, createdAt, expiresAt });
    // Made before the session is: where a hook says no, nothing is left behind.
    const issued = await issue(subject, {
      ...roleOf(user),
      sessionId: session.id,
      notAfter: expiresAt,
      issuedAt: createdAt,
      fresh: true,
    });
    if (issued.refresh) session.currentToken = digestOf(issued.refresh);
    if (await this.keep(session, user, client)) return issued;
    const changed = await this.users.withNewRole(user);
    if (!changed) throw refusedLogin();
    return this.open(changed, client, lifetime, issue);
  }

  /** @returns false where the user is not as they were when the password was verified */
  private keep(session: Session, user: AuthenticatedUser, client: Client): Promise<boolean> {
    return this.database.write(async () => {
      if (!(await this.users.confirm(user))) return false;
      await this.sessions.open(session);
      await this.audit.record('login', { userId: user.id, sessionId: session.id, client });
      return true;
    });
  }

  /** @throws TokenError `token_revoked` where the user is gone */
  async currentUser(token: Token): Promise<KnownUser> {
    const id = parseId(token.subject);
    const user = id === null ? undefined : await this.users.find(id);
    if (!user) throw new TokenError(tokenRevoked, 'there is no such user');
    return user;
  }
}
