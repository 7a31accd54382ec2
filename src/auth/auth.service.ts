import { Injectable } from '@nestjs/common';
import { parseId } from '../common/resource-id.js';
import { AppConfig } from '../config/app-config.js';
import { Database } from '../database/database.js';
import { type NewSession, newSession, SessionRepository } from '../tokens/session.repository.js';
import { TokenError, tokenRevoked } from '../tokens/token-error.js';
import { TokenService } from '../tokens/token.service.js';
import type { Token } from '../tokens/token.js';
import type { KnownUser } from '../users/user.repository.js';
import { type AuthenticatedUser, UsersService } from '../users/users.service.js';
import { refusedLogin } from './auth-errors.js';

/** Where a login comes from, for the owner of the session to recognise it. */
export type Client = Pick<NewSession, 'agent' | 'ip'>;

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
    private readonly database: Database,
    private readonly config: AppConfig,
  ) {}

  /**
   * Opens a session for a user whose password was just verified.
   *
   * @throws ApiError `credentials_invalid` where the password was changed meanwhile
   */
  async login(user: AuthenticatedUser, client: Client): Promise<TokenPair> {
    const subject = String(user.id);
    // One moment for the session and both tokens, so that they end together.
    const createdAt = Date.now();
    const lifetime = Math.min(this.config.refreshTokenLifetime, this.config.sessionMaxAge);
    const expiresAt = createdAt + lifetime * 1000;
    const session = newSession({ ...client, subject, createdAt, expiresAt });
    const options = {
      sessionId: session.id,
      notAfter: expiresAt,
      issuedAt: createdAt,
      csrf: this.config.tokenCookies,
    };
    // Made before the session is: where a hook says no, nothing is left behind.
    const [access, refresh] = [
      await this.tokens.createAccessToken(subject, { ...options, ...roleOf(user), fresh: true }),
      await this.tokens.createRefreshToken(subject, options),
    ];
    await this.database.write(async () => {
      if (!(await this.users.confirm(user))) throw refusedLogin();
      await this.sessions.open(session);
    });
    return { access, refresh };
  }

  /**
   * A new access token for the bearer of a refresh token, which stays good.
   *
   * @throws TokenError `token_revoked` where the user is gone or the session has just ended
   */
  async refresh(token: Token): Promise<Token> {
    const user = await this.currentUser(token);
    const { sessionId } = token;
    if (sessionId !== null && !(await this.sessions.touch(sessionId))) {
      throw new TokenError(tokenRevoked, 'the session ended meanwhile');
    }
    return this.tokens.createAccessToken(token.subject, {
      ...(sessionId !== null && { sessionId }),
      notAfter: token.expiresAt.getTime(),
      csrf: this.config.tokenCookies,
      ...roleOf(user),
    });
  }

  /** Revokes this one token. */
  async logout(token: Token): Promise<void> {
    await this.tokens.revoke(token);
  }

  /** Ends the token's session, and with it every token of it. */
  async endSession(token: Token): Promise<void> {
    if (token.sessionId === null) await this.tokens.revoke(token);
    else await this.sessions.end(token.sessionId);
  }

  /** @throws TokenError `token_revoked` where the user is gone */
  async currentUser(token: Token): Promise<KnownUser> {
    const id = parseId(token.subject);
    const user = id === null ? undefined : await this.users.find(id);
    if (!user) throw new TokenError(tokenRevoked, 'there is no such user');
    return user;
  }
}

function roleOf(user: KnownUser): { scope: Record<string, unknown> } {
  return { scope: user.admin ? { admin: true } : {} };
}
