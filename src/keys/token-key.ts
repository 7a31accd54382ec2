import {
  createHash,
  createHmac,
  createPublicKey,
  hkdfSync,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import type { JwtAlgorithm } from '../config/jwt-algorithms.js';

/**
 * Seconds for which other services may cache the public keys. A new key should be published for
 * that time before it signs.
 */
export const JWKS_MAX_AGE = 300;

/** A public key as other services read it (RFC 7517, section 4). */
export interface PublicJwk extends JsonWebKey {
  kid: string;
  use: 'sig';
  /** Absent if the key has several algorithms. */
  alg?: JwtAlgorithm;
}

/** A key with everything that is derived from it, computed once. */
export interface TokenKey {
  /** The header `kid` of its tokens. */
  readonly id: string;
  /** The algorithm for signing. */
  readonly algorithm: JwtAlgorithm;
  /** The algorithms that are accepted in its tokens. */
  readonly algorithms: readonly JwtAlgorithm[];
  /** The secret or the private key. */
  readonly signing: KeyObject;
  /** The secret or the public key. */
  readonly verifying: KeyObject;
  /** The public key as a JWK; null for a secret, which is never published. */
  readonly jwk: PublicJwk | null;
  /** A secret of 32 bytes that is derived from the signing key. It seals tokens that are stored. */
  readonly sealing: Buffer;
}

/** @param key a secret or a private key that fits the algorithms */
export function tokenKey(
  key: KeyObject,
  algorithm: JwtAlgorithm,
  algorithms: readonly JwtAlgorithm[] = [algorithm],
): TokenKey {
  const common = { algorithm, algorithms, signing: key, sealing: sealingSecret(key) };
  if (key.type === 'secret') return { ...common, id: secretId(key), verifying: key, jwk: null };
  const verifying = createPublicKey(key);
  const members = verifying.export({ format: 'jwk' });
  const id = thumbprint(members);
  const alg = algorithms.length === 1 && { alg: algorithm };
  return { ...common, id, verifying, jwk: { ...members, kid: id, use: 'sig', ...alg } };
}

/** RFC 7638, section 3: the hash of the required members, in the order of their names. */
export function thumbprint({ kty, crv, e, n, x, y }: JsonWebKey): string {
  const required = kty === 'RSA' ? { e, kty, n } : { crv, kty, x, y };
  return createHash('sha256').update(JSON.stringify(required)).digest('base64url');
}

/**
 * The id of a secret. A thumbprint would be a hash of the secret, which RFC 7638, section 7, warns
 * of. This HMAC reveals no more than any token that was signed with the secret.
 */
function secretId(secret: KeyObject): string {
  return createHmac('sha256', secret).update('kid').digest('base64url');
}

/**
 * Derives the sealing secret by HKDF (RFC 5869) from the secret, or from the private exponent or
 * scalar of a private key, which does not depend on the format of the key.
 */
function sealingSecret(key: KeyObject): Buffer {
  const secret =
    key.type === 'secret'
      ? key.export()
      : Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url');
  return Buffer.from(hkdfSync('sha256', secret, '', 'nest-rest-jwt sealing', 32));
}
