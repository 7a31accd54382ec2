import type { JwtSettings } from '../config/jwt-settings.js';
import type { KeyRing } from './key-ring.js';
import { secretOfFile } from './secret-file.js';
import { type TokenKey, tokenKey } from './token-key.js';

/**
 * The keys that sign and verify: the configured key and the stored keys, which may change while the
 * service runs. Key objects are created once, because jsonwebtoken takes fifty times as long if it
 * has to create one from the secret for each token.
 */
export abstract class TokenKeys {
  /** Milliseconds between calls of `reload`; undefined if `ring` itself notices changes. */
  readonly pollInterval: number | undefined;

  /** The loaded keys. Reading them waits for nothing. */
  abstract get ring(): KeyRing;

  /**
   * Loads changed keys. Call it for an unknown `kid`, and not within a write: another instance may
   * already sign with a key that was just added. If the changed keys are invalid, the loaded keys
   * are kept.
   *
   * @throws ApiError 503 if the database does not answer
   */
  abstract reload(): Promise<void>;

  /** The loaded key of a token by its header `kid`. */
  find(id: string | undefined): TokenKey | undefined {
    return this.ring.find(id);
  }

  /** As `find`; loads changed keys if there is no such key. */
  async findOrReload(id: string | undefined): Promise<TokenKey | undefined> {
    const found = this.find(id);
    if (found) return found;
    await this.reload();
    return this.find(id);
  }

  /** The key that sealed a token, by its id; undefined if its secret is not loaded. */
  findForUnsealing(id: string): TokenKey | undefined {
    return this.ring.findForUnsealing(id);
  }
}

/**
 * The configured key; null if there is none.
 *
 * @param make whether a missing secret file is created
 */
export function configuredKey(
  { key, algorithm, algorithms }: JwtSettings,
  { make = true } = {},
): TokenKey | null {
  if (key === null) return null;
  const object = 'key' in key ? key.key : secretOfFile(key.secretFile, make);
  return object && tokenKey(object, algorithm, algorithms);
}
