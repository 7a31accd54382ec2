import { createHash, hkdfSync } from 'node:crypto';
import { decryptText, encryptText } from '../keys/encrypted-text.js';
import type { TokenKey } from '../keys/token-key.js';
import type { Token } from '../tokens/token.js';

/** Digest of the token's `jti`, which is stored instead of the token. A `jti` cannot be guessed. */
export function digestOf({ id }: Token): string {
  return createHash('sha256').update(id).digest('base64url');
}

/**
 * Encrypts a token. Two things are needed to read it again: the token `rotated`, which is not
 * stored, and the sealing secret of a signing key, which is not in the database in plain text. The
 * key of `encryptText` is derived by HKDF (RFC 5869).
 *
 * @returns the id of the key, a dot, and the encrypted token
 */
export function seal(token: Token, rotated: Token, key: TokenKey): string {
  return `${key.id}.${encryptText(token.signed, secretOf(rotated, key))}`;
}

/** The id of the key that a token was sealed with. */
export function sealingKeyId(sealed: string): string {
  return sealed.split('.', 1)[0]!;
}

/**
 * @param key the key that `sealingKeyId` names
 * @returns the signed token; null if it was not sealed with `rotated` and `key`
 */
export function unseal(sealed: string, rotated: Token, key: TokenKey): string | null {
  return decryptText(sealed.slice(sealed.indexOf('.') + 1), secretOf(rotated, key));
}

/** The extraction step is an HMAC of the token under the sealing secret, so both must be known. */
function secretOf(rotated: Token, { sealing }: TokenKey): Buffer {
  const info = `successor ${rotated.sessionId ?? ''}`;
  return Buffer.from(hkdfSync('sha256', rotated.signed, sealing, info, 32));
}
