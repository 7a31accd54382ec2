import type { Caller } from './users.service.js';
import type { Attempt } from './password-hasher.js';
import type { KnownUser } from './user.repository.js';

/**
 * How the current password of a user who is logged in is verified: through the throttle and with an
 * entry in the audit trail for each failure. `auth/` provides it, which this folder must not import.
 */
export abstract class CurrentPasswordCheck {
  /**
   * @param caller with a token of the user
   * @returns what goes around the verification, and may refuse it (`too_many_requests`)
   */
  abstract attempt(user: KnownUser, caller: Caller): Attempt;
}
