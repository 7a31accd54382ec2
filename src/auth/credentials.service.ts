import { Injectable } from '@nestjs/common';
import { AuditTrail } from '../audit/audit-trail.js';
import { ApiError } from '../common/api-error.js';
import type { Client } from '../http/client.js';
import type { Token } from '../tokens/token.js';
import { CurrentPasswordCheck } from '../users/current-password.js';
import type { Attempt } from '../users/password-hasher.js';
import { currentPasswordWrong } from '../users/user-errors.js';
import type { KnownUser } from '../users/user.repository.js';
import { type AuthenticatedUser, type Caller, UsersService } from '../users/users.service.js';
import { refusedLogin } from './auth-errors.js';
import { LoginThrottle } from './login-throttle.js';

/** Where passwords are verified, whichever way they come: failures are counted and recorded. */
@Injectable()
export class CredentialsService implements CurrentPasswordCheck {
  constructor(
    private readonly users: UsersService,
    private readonly throttle: LoginThrottle,
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
   * @param token of the user
   * @throws ApiError `current_password_wrong`, `too_many_requests`, `token_revoked`
   */
  async changePassword(
    user: KnownUser,
    words: { current: string; next: string },
    token: Token,
    client: Client,
  ): Promise<void> {
    const caller = { token, client };
    const attempt = this.attempt(user, caller);
    const changed = await this.users.changePassword(user.id, words, caller, attempt);
    if (!changed) throw new ApiError(currentPasswordWrong);
  }

  async confirmPassword(
    user: KnownUser,
    password: string,
    token: Token,
    client: Client,
  ): Promise<AuthenticatedUser> {
    const attempt = this.attempt(user, { token, client });
    const verified = await this.users.verifyPassword(user.id, password, attempt);
    if (!verified) throw new ApiError(currentPasswordWrong);
    return verified;
  }

  private attempt({ name }: KnownUser, { token, client }: Caller): Attempt {
    return this.throttle.attempt(name, client, {
      onFailure: () => this.recordFailure(name, client, token),
      isKnown: true,
    });
  }

  /** @throws TokenError `token_revoked` where a new password has ended the session: no guess failed */
  private async recordFailure(name: string, client: Client, token?: Token): Promise<void> {
    if (token) await this.users.confirmCaller(token);
    const userId = await this.users.idOf(name);
    await this.audit.record('login_failed', { userId, client, ...(token && { token }) });
  }
}
