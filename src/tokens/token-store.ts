import type { Token } from './token.js';

/**
 * Stores whether tokens are active. `sessions/` implements it, because this folder must not import
 * `sessions/`.
 */
export abstract class TokenStore {
  /**
   * Whether the token is not revoked, its session, if it has one, has not ended, and its role version,
   * if it has one, is that of its user.
   *
   * @param options.allowRotated whether an already rotated refresh token is accepted
   */
  abstract isActive(token: Token, options: { allowRotated: boolean }): Promise<boolean>;

  /** Whether a token that is not active is refused only because the roles of its user have changed. */
  abstract isOutdated(token: Token): Promise<boolean>;

  /** Revokes this one token at every instance. Revoking it again changes nothing. */
  abstract revoke(token: Token): Promise<void>;
}
