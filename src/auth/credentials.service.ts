import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { ApiError, resultOf, tooManyRequests } from '../errors/api-error.js';
import { addressRange } from '../http/client-address.js';
import type { Client } from '../http/client.js';
import { SecurityEventsService } from '../logging/security-events.service.js';
import { type HashQueueKeys, hashQueueKeys, PasswordHasher } from '../passwords/password-hasher.js';
import { ConflictError, retry } from '../scheduling/retry.js';
import { nfc } from '../validation/values.js';
import { SessionRepository } from '../sessions/session.repository.js';
import { TokenError, tokenRevoked } from '../tokens/token-errors.js';
import type { Token } from '../tokens/token.js';
import { CurrentPasswordCheck } from '../users/passwords/current-password.js';
import { currentPasswordWrong } from '../users/user-errors.js';
import type { KnownUser } from '../users/user.repository.js';
import { type AuthenticatedUser, UsersService } from '../users/users.service.js';
import { refusedLogin } from './auth-errors.js';
import { AuthService, type TokenPair } from './auth.service.js';
import { LoginNamesService } from './login-names.service.js';
import { LoginThrottleService } from './throttle/login-throttle.service.js';

/** Consecutive wrong current passwords that end a session. */
const MAX_IN_SESSION = 5;

/**
 * Verifies the passwords of logins and current passwords. Each attempt passes the throttle, and
 * failures are counted and recorded.
 */
@Injectable()
export class CredentialsService implements CurrentPasswordCheck {
  constructor(
    private readonly users: UsersService,
    private readonly logins: LoginNamesService,
    private readonly passwords: PasswordHasher,
    private readonly throttle: LoginThrottleService,
    private readonly auth: AuthService,
    private readonly sessions: SessionRepository,
    private readonly audit: AuditService,
    private readonly events: SecurityEventsService,
  ) {}

  /**
   * Verifies name and password of a login. An unknown name takes as long as a wrong password.
   *
   * @param given the name of a user, or what a provider with `@LoginNames()` knows. Failures count by
   * the name of the user.
   * @returns the user with the hash that was verified, or with a new hash if that one was outdated
   * @throws ApiError `credentials_invalid`, `too_many_requests`
   */
  async verify(given: string, password: string, client: Client): Promise<AuthenticatedUser> {
    try {
      const user = await this.verifyUncounted(given, password, client);
      this.events.count('login', 'succeeded');
      return user;
    } catch (error) {
      this.events.count('login', resultOf(error));
      throw error;
    }
  }

  /** See `CurrentPasswordCheck`. */
  async isPasswordOf(id: number, password: string, client: Client): Promise<boolean> {
    const user = await this.users.findByIdWithHash(id);
    if (!user) return false;
    const queueKeys = loginQueueKeys(user.name, client);
    return this.throttle.attempt(
      user.name,
      client,
      (beforeHash) => this.passwords.verify(user.passwordHash, password, queueKeys, beforeHash),
      { onFailure: () => this.recordFailure(user.name, client) },
    );
  }

  private verifyUncounted(
    given: string,
    password: string,
    client: Client,
  ): Promise<AuthenticatedUser> {
    return retry(async () => {
      const user = await this.logins.findUser(given);
      const name = user?.name ?? given;
      const queueKeys = loginQueueKeys(name, client);
      const hash = user?.passwordHash ?? null;
      const isRight = await this.throttle.attempt(
        name,
        client,
        (beforeHash) => this.passwords.verify(hash, password, queueKeys, beforeHash),
        { onFailure: () => this.recordFailure(name, client) },
      );
      if (!isRight || !user) throw refusedLogin();
      if (!this.passwords.isOutdated(user.passwordHash)) return user;
      const passwordHash = await this.passwords.hash(password, queueKeys);
      if (await this.users.updateHashIfUnchanged(user, passwordHash))
        return { ...user, passwordHash };
      // A concurrent login stored its new hash first, or the password was changed.
      throw new ConflictError('the password kept changing');
    });
  }

  /**
   * Verifies the current password of the user of a token. Failures count by account and address
   * range, like failed logins, and also by session: the fifth in a row ends the session.
   *
   * @param token of the user
   * @returns the user with the hash that was verified
   * @throws ApiError `current_password_wrong`, `too_many_requests`
   * @throws TokenError `token_revoked` if the user does not exist or the session has ended
   */
  async confirmPassword(
    { id, name }: KnownUser,
    password: string,
    token: Token,
    client: Client,
  ): Promise<AuthenticatedUser> {
    const { sessionId } = token;
    const user = await this.users.findByIdWithHash(id);
    if (!user) throw new TokenError(tokenRevoked, 'the user does not exist');
    // Only a session counts its failures, so a token without one is throttled like a login.
    const isKnown = sessionId !== null;
    const queueKeys = isKnown
      ? hashQueueKeys(client, `account ${name}`)
      : loginQueueKeys(name, client);
    const isRight = await this.throttle.attempt(
      name,
      client,
      (beforeHash) => this.passwords.verify(user.passwordHash, password, queueKeys, beforeHash),
      {
        isKnown,
        beforeVerify: () => this.countAttempt(sessionId),
        onFailure: () => this.recordWrongPassword(id, token, client),
        onSuccess: async () => {
          if (sessionId !== null) await this.sessions.resetPasswordAttempts(sessionId);
        },
      },
    );
    if (!isRight) throw new ApiError(currentPasswordWrong);
    return user;
  }

  /**
   * Gives the user a new password and a new session. Every earlier session of the user ends,
   * including that of the token.
   *
   * @param token of the user
   * @throws ApiError `password_too_common`, and whatever `confirmPassword` throws
   */
  async changePassword(
    user: KnownUser,
    passwords: { current: string; next: string },
    token: Token,
    client: Client,
  ): Promise<TokenPair> {
    return retry(async () => {
      const verified = await this.confirmPassword(user, passwords.current, token, client);
      const tokens = await this.auth.changePassword(verified, passwords.next, { token, client });
      if (tokens) return tokens;
      // A concurrent login stored a new hash of the same password first.
      throw new ConflictError('the password kept changing');
    });
  }

  /**
   * Counts an attempt before its verification, so that concurrent attempts get no more guesses than
   * sequential ones, at any number of instances.
   *
   * @throws ApiError `too_many_requests` if the counted attempts already use up the limit
   * @throws TokenError `token_revoked` if the session has ended
   */
  private async countAttempt(sessionId: string | null): Promise<void> {
    if (sessionId === null) return;
    if (await this.sessions.countPasswordAttempt(sessionId, MAX_IN_SESSION)) return;
    if (!(await this.sessions.findActive(sessionId))) {
      throw new TokenError(tokenRevoked, 'the session has ended');
    }
    throw new ApiError(tooManyRequests, {
      headers: { 'retry-after': '1' },
      cause: 'the current password is being guessed in a session',
    });
  }

  /**
   * Records a wrong current password, and ends the session after the last allowed one. Runs within
   * the write that counts the failure.
   *
   * @throws TokenError `token_revoked` if the session has ended; the failure is then not counted
   */
  private async recordWrongPassword(userId: number, token: Token, client: Client): Promise<void> {
    await this.users.requireActiveSession(token);
    await this.audit.record('login_failed', { userId, client, token });
    const { sessionId } = token;
    const session = sessionId === null ? undefined : await this.sessions.findActive(sessionId);
    if (!session || session.passwordAttempts < MAX_IN_SESSION) return;
    await this.sessions.end(session.id);
    await this.audit.record('password_guessed', { userId, client, token });
  }

  private async recordFailure(name: string, client: Client): Promise<void> {
    const userId = await this.users.idOf(name);
    await this.audit.record('login_failed', { userId, client });
  }
}

/**
 * The queue keys contain the address range, so that logins from elsewhere cannot fill the queue of
 * the owner.
 */
function loginQueueKeys(name: string, client: Client): HashQueueKeys {
  return hashQueueKeys(client, `login ${addressRange(client.ip ?? '')} ${nfc(name)}`);
}
