import { Injectable } from '@nestjs/common';
import { AuditTrail } from '../audit/audit-trail.js';
import { ApiError, tooManyRequests, unavailable } from '../errors/api-error.js';
import type { Client } from '../http/client.js';
import { SessionRepository } from '../sessions/session.repository.js';
import { TokenError, tokenRevoked } from '../tokens/token-errors.js';
import type { Token } from '../tokens/token.js';
import { CurrentPasswordCheck } from '../users/current-password.js';
import { currentPasswordWrong } from '../users/user-errors.js';
import type { KnownUser } from '../users/user.repository.js';
import { type AuthenticatedUser, MAX_TRIES, UsersService } from '../users/users.service.js';
import { refusedLogin } from './auth-errors.js';
import { AuthService, type TokenPair } from './auth.service.js';
import { LoginThrottle } from './login-throttle.js';

/** Wrong present passwords in a row that a session may send; the last of them ends it. */
const MAX_IN_SESSION = 5;

/** Where passwords are verified, whichever way they come: failures are counted and recorded. */
@Injectable()
export class CredentialsService implements CurrentPasswordCheck {
  constructor(
    private readonly users: UsersService,
    private readonly throttle: LoginThrottle,
    private readonly auth: AuthService,
    private readonly sessions: SessionRepository,
    private readonly audit: AuditTrail,
  ) {}

  /** @throws ApiError `credentials_invalid`, `too_many_requests` */
  async verify(name: string, password: string, client: Client): Promise<AuthenticatedUser> {
    const attempt = this.throttle.attempt(name, client, {
      onFailure: () => this.recordFailure(name, client),
    });
    const user = await this.users.authenticate(name, password, attempt);
    if (!user) throw refusedLogin();
    return user;
  }

  /**
   * Verifies the present password of a user who has sent a token. Failures count by account and
   * address range, as those of logins do, and by session: the fifth in a row ends the session.
   *
   * @param token of the user
   * @returns the user with the hash that was verified
   * @throws ApiError `current_password_wrong`, `too_many_requests`
   * @throws TokenError `token_revoked` if the session has ended
   */
  async confirmPassword(
    { id, name }: KnownUser,
    password: string,
    token: Token,
    client: Client,
  ): Promise<AuthenticatedUser> {
    const { sessionId } = token;
    const attempt = this.throttle.attempt(name, client, {
      beforeVerify: () => this.countAttempt(sessionId),
      onFailure: () => this.recordWrongPassword(id, token, client),
      onSuccess: async () => {
        if (sessionId !== null) await this.sessions.forgetPasswordAttempts(sessionId);
      },
      // A token without a session has no count of its own.
      isKnown: sessionId !== null,
    });
    const user = await this.users.verifyPassword(id, password, attempt);
    if (!user) throw new ApiError(currentPasswordWrong);
    return user;
  }

  /**
   * Gives the user a new password and a new session. Every earlier session of the user ends, the
   * one of the token too.
   *
   * @param token of the user
   * @throws ApiError `password_too_common`, and whatever `confirmPassword` throws
   */
  async changePassword(
    user: KnownUser,
    words: { current: string; next: string },
    token: Token,
    client: Client,
  ): Promise<TokenPair> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const verified = await this.confirmPassword(user, words.current, token, client);
      const tokens = await this.auth.changePassword(verified, words.next, { token, client });
      if (tokens) return tokens;
      // A login was faster, with a new hash of the same password: look again.
    }
    throw unavailable('the password kept changing');
  }

  /**
   * Before the verification, so that concurrent attempts get no more guesses than sequential ones,
   * at any number of instances.
   *
   * @throws ApiError `too_many_requests` while the attempts under way could be the last ones
   * @throws TokenError `token_revoked` if the session has ended
   */
  private async countAttempt(sessionId: string | null): Promise<void> {
    if (sessionId === null) return;
    if (await this.sessions.countPasswordAttempt(sessionId, MAX_IN_SESSION)) return;
    if (!(await this.sessions.findLive(sessionId))) {
      throw new TokenError(tokenRevoked, 'the session ended meanwhile');
    }
    throw new ApiError(tooManyRequests, {
      headers: { 'retry-after': '1' },
      cause: 'the present password is being guessed in a session',
    });
  }

  /**
   * Within the write that counts the failure. The last one ends the session.
   *
   * @throws TokenError `token_revoked` if the session has ended: no guess failed
   */
  private async recordWrongPassword(userId: number, token: Token, client: Client): Promise<void> {
    await this.users.confirmCaller(token);
    await this.audit.record('login_failed', { userId, client, token });
    const { sessionId } = token;
    const session = sessionId === null ? undefined : await this.sessions.findLive(sessionId);
    if (!session || session.passwordAttempts < MAX_IN_SESSION) return;
    await this.sessions.end(session.id);
    await this.audit.record('password_guessed', { userId, client, token });
  }

  private async recordFailure(name: string, client: Client): Promise<void> {
    const userId = await this.users.idOf(name);
    await this.audit.record('login_failed', { userId, client });
  }
}
