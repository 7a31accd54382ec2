import {
  createCipheriv,
  createDecipheriv,
  createHash,
  hkdfSync,
  randomBytes,
  type CipherGCMTypes,
} from 'node:crypto';
import type { Token } from './token.js';

const CIPHER: CipherGCMTypes = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What a token is known by where it must not lie itself: of its `jti`, which cannot be guessed. */
export function digestOf({ id }: Token): string {
  return createHash('sha256').update(id).digest('base64url');
}

/**
 * Encrypts a token so that whoever sends `spent` can be given it again, and nobody else: the key is
 * made of that token, signature and all, which lies nowhere. AES-256-GCM (NIST SP 800-38D), the key
 * by HKDF (RFC 5869).
 *
 * @returns base64url of nonce, tag and ciphertext
 */
export function seal(token: Token, spent: Token): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, keyOf(spent), nonce);
  const sealed = [cipher.update(token.signed, 'utf8'), cipher.final()];
  return Buffer.concat([nonce, cipher.getAuthTag(), ...sealed]).toString('base64url');
}

/** @returns the signed token, letter for letter; null where `spent` is not what it was sealed with */
export function unseal(sealed: string, spent: Token): string | null {
  const bytes = Buffer.from(sealed, 'base64url');
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const tag = bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
  try {
    const decipher = createDecipheriv(CIPHER, keyOf(spent), nonce, { authTagLength: TAG_BYTES });
    decipher.setAuthTag(tag);
    const text = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
    return Buffer.concat([text, decipher.final()]).toString('utf8');
  } catch {
    return null;
  }
}

function keyOf(spent: Token): Buffer {
  return Buffer.from(hkdfSync('sha256', spent.signed, spent.sessionId ?? '', 'successor', 32));
}
