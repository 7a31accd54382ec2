import type { Client } from '../../http/client.js';
import type { Token } from '../../tokens/token.js';
import type { KnownUser } from '../user.repository.js';
import type { AuthenticatedUser } from '../users.service.js';

/**
 * Verifies the current password of a user: through the throttle, and with an audit entry
 * for each failure. `auth/` provides it, because this folder must not import `auth/`.
 */
export abstract class CurrentPasswordCheck {
  /**
   * Verifies the password once.
   *
   * @param token of the user
   * @returns the user with the hash that was verified
   * @throws ApiError `current_password_wrong`, `too_many_requests`
   * @throws TokenError `token_revoked` if the user does not exist or the session has ended
   */
  abstract confirmPassword(
    user: KnownUser,
    password: string,
    token: Token,
    client: Client,
  ): Promise<AuthenticatedUser>;

  /**
   * Whether a password is that of the user, like a login: through the throttle, and with an audit entry
   * for each failure.
   *
   * @throws ApiError `too_many_requests`
   */
  abstract isPasswordOf(id: number, password: string, client: Client): Promise<boolean>;
}
