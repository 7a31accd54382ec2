import type { Client } from '../http/client.js';
import type { Token } from '../tokens/token.js';
import type { KnownUser } from './user.repository.js';
import type { AuthenticatedUser } from './users.service.js';

/**
 * How the current password of a user who is logged in is verified: through the throttle and with an
 * entry in the audit trail for each failure. `auth/` provides it, which this folder must not import.
 */
export abstract class CurrentPasswordCheck {
  /**
   * One verification.
   *
   * @param token of the user
   * @returns the user with the hash that was verified
   * @throws ApiError `current_password_wrong`, `too_many_requests`
   * @throws TokenError `token_revoked` if the session or the user is gone
   */
  abstract confirmPassword(
    user: KnownUser,
    password: string,
    token: Token,
    client: Client,
  ): Promise<AuthenticatedUser>;
}
