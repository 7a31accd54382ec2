import {
  createCipheriv,
  createDecipheriv,
  createHash,
  hkdfSync,
  randomBytes,
  type CipherGCMTypes,
} from 'node:crypto';
import type { TokenKey } from '../keys/token-key.js';
import type { Token } from '../tokens/token.js';

const CIPHER: CipherGCMTypes = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Digest of the token's `jti`, which is stored instead of the token. A `jti` cannot be guessed. */
export function digestOf({ id }: Token): string {
  return createHash('sha256').update(id).digest('base64url');
}

/**
 * Encrypts a token. Two things are needed to read it again: the token `rotated`, which is not
 * stored, and the sealing secret of a signing key, which is not in the database. The cipher is
 * AES-256-GCM (NIST SP 800-38D), with a key by HKDF (RFC 5869).
 *
 * @returns the id of the key, a dot, and base64url of nonce, tag and ciphertext
 */
export function seal(token: Token, rotated: Token, key: TokenKey): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, secretOf(rotated, key), nonce);
  const sealed = [cipher.update(token.signed, 'utf8'), cipher.final()];
  const text = Buffer.concat([nonce, cipher.getAuthTag(), ...sealed]).toString('base64url');
  return `${key.id}.${text}`;
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
  const bytes = Buffer.from(sealed.slice(sealed.indexOf('.') + 1), 'base64url');
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const tag = bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
  try {
    const decipher = createDecipheriv(CIPHER, secretOf(rotated, key), nonce, {
      authTagLength: TAG_BYTES,
    });
    decipher.setAuthTag(tag);
    const text = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
    return Buffer.concat([text, decipher.final()]).toString('utf8');
  } catch {
    return null;
  }
}

/** The extraction step is an HMAC of the token under the sealing secret, so both must be known. */
function secretOf(rotated: Token, { sealing }: TokenKey): Buffer {
  const info = `successor ${rotated.sessionId ?? ''}`;
  return Buffer.from(hkdfSync('sha256', rotated.signed, sealing, info, 32));
}
