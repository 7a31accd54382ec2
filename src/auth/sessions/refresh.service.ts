import { Injectable } from '@nestjs/common';
import { resultOf } from '../../errors/api-error.js';
import { AppConfig } from '../../config/app-config.js';
import { Database } from '../../database/database.js';
import type { Client } from '../../http/client.js';
import { digestOf } from '../../sessions/sealed-token.js';
import { SessionRepository } from '../../sessions/session.repository.js';
import type { Session } from '../../sessions/session.entity.js';
import { SecurityEventsService } from '../../logging/security-events.service.js';
import { SuccessorSealService } from '../../sessions/successor-seal.service.js';
import { TokenError, tokenRevoked } from '../../tokens/token-errors.js';
import { TokenService } from '../../tokens/token.service.js';
import type { Token } from '../../tokens/token.js';
import { UserRolesService } from '../../users/roles/user-roles.service.js';
import type { KnownUser } from '../../users/user.repository.js';
import { AuthService } from '../auth.service.js';
import { rangeOf, RefreshRepeatsService } from './refresh-repeats.service.js';

/** A pair, or only an access token if refresh tokens are not rotated. */
interface RefreshedTokens {
  access: Token;
  refresh?: Token;
}

interface CountedTokens extends RefreshedTokens {
  result: 'rotated' | 'repeated' | 'access_only';
}

class ReusedToken extends TokenError {
  constructor() {
    super(tokenRevoked, 'a rotated refresh token was reused, and its session has ended');
  }
}

/**
 * Issues new tokens for a refresh token, and rotates it (RFC 9700, section 4.14.2).
 * `RefreshRepeatsService` decides about a token that was already rotated. See
 * docs/decisions/0011-refresh-tokens.md.
 */
@Injectable()
export class RefreshService {
  constructor(
    private readonly auth: AuthService,
    private readonly roles: UserRolesService,
    private readonly tokens: TokenService,
    private readonly sessions: SessionRepository,
    private readonly repeats: RefreshRepeatsService,
    private readonly seal: SuccessorSealService,
    private readonly database: Database,
    private readonly config: AppConfig,
    private readonly events: SecurityEventsService,
  ) {}

  /**
   * @param token a verified refresh token, rotated or not
   * @throws TokenError `token_revoked` if the user does not exist, or if the session has ended or
   * was ended by this call
   * @throws ApiError `too_many_requests` if the token was repeated too often, or 503
   */
  async refresh(token: Token, client: Client): Promise<RefreshedTokens> {
    try {
      const { result, ...tokens } = await this.refreshUncounted(token, client);
      this.events.count('refresh', result);
      return tokens;
    } catch (error) {
      this.events.count('refresh', error instanceof ReusedToken ? 'reused' : resultOf(error));
      throw error;
    }
  }

  private async refreshUncounted(token: Token, client: Client): Promise<CountedTokens> {
    const user = await this.auth.currentUser(token);
    const { sessionId } = token;
    const expiresAt = token.expiresAt.getTime();
    if (sessionId === null) {
      const access = await this.accessTokenFor(user, token, expiresAt);
      // A token that code issued without a session cannot be rotated, and stays valid.
      const result = 'access_only';
      return this.config.refreshRotation ? { access, refresh: token, result } : { access, result };
    }
    if (this.config.refreshRotation)
      return this.refreshWithRotation(token, user, sessionId, client);
    if (!(await this.sessions.recordUse(sessionId, digestOf(token)))) {
      throw new TokenError(tokenRevoked, 'the session has ended, or the token was rotated');
    }
    return { access: await this.accessTokenFor(user, token, expiresAt), result: 'access_only' };
  }

  private async refreshWithRotation(
    token: Token,
    user: KnownUser,
    sessionId: string,
    client: Client,
  ): Promise<CountedTokens> {
    const session = await this.sessions.findActive(sessionId);
    if (!session) throw new TokenError(tokenRevoked, 'the session has ended');
    const isCurrent = (session.currentToken ?? digestOf(token)) === digestOf(token);
    const expiresAt = isCurrent ? this.newEndOf(session) : session.expiresAt;
    // Tokens are issued before the rotation, so that a failing hook leaves the old token valid.
    const access = await this.accessTokenFor(user, token, expiresAt);
    const successor = isCurrent ? await this.successorOf(token, expiresAt) : null;

    const write = () =>
      this.database.write(async () => {
        if (successor && (await this.rotate(token, sessionId, successor, client))) return successor;
        return this.repeats.answer(token, sessionId, { userId: user.id, client });
      });
    const refresh = await this.seal.retryWithNewKeys(write);
    // Thrown outside the write, because its rollback would undo the end of the session.
    if (refresh === 'ended') throw new TokenError(tokenRevoked, 'the session has ended');
    if (refresh === 'reused') throw new ReusedToken();
    return { access, refresh, result: refresh === successor ? 'rotated' : 'repeated' };
  }

  /** @returns false if another request has rotated the token, or the session has ended */
  private rotate(
    token: Token,
    sessionId: string,
    successor: Token,
    client: Client,
  ): Promise<boolean> {
    // Without a grace period, no repeat gets the successor, and nothing is compared with a repeat.
    const isRepeatable = this.config.refreshGrace > 0;
    return this.sessions.rotateRefreshToken({
      id: sessionId,
      from: digestOf(token),
      to: digestOf(successor),
      successor: isRepeatable ? this.seal.seal(successor, token) : null,
      range: isRepeatable ? rangeOf(client) : null,
      agent: isRepeatable ? client.agent : null,
      now: Date.now(),
      expiresAt: successor.expiresAt.getTime(),
    });
  }

  /** The lifetime of a refresh token from now on, but at most the maximum age of the session. */
  private newEndOf({ createdAt }: Session): number {
    const { refreshTokenLifetime, sessionMaxAge } = this.config;
    return Math.min(Date.now() + refreshTokenLifetime * 1000, createdAt + sessionMaxAge * 1000);
  }

  private async accessTokenFor(user: KnownUser, token: Token, notAfter: number): Promise<Token> {
    return this.tokens.createAccessToken(token.subject, {
      ...this.optionsFor(token, notAfter),
      ...(await this.roles.authorizationOf(user)),
    });
  }

  private successorOf(token: Token, notAfter: number): Promise<Token> {
    return this.tokens.createRefreshToken(token.subject, this.optionsFor(token, notAfter));
  }

  private optionsFor({ sessionId }: Token, notAfter: number) {
    return {
      ...(sessionId !== null && { sessionId }),
      notAfter,
      csrf: this.config.tokenCookies,
    };
  }
}
