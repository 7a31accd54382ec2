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
 * Seconds that others may keep the public keys; a new one should be known for as long before it
 * signs.
 */
export const JWKS_MAX_AGE = 300;

/** A public key as other services read it (RFC 7517, section 4). */
export interface PublicJwk extends JsonWebKey {
  kid: string;
  use: 'sig';
  /** Absent if the key has several algorithms. */
  alg?: JwtAlgorithm;
}

/** A key with all that follows from it, worked out once. */
export interface TokenKey {
  /** The header `kid` of its tokens. */
  readonly id: string;
  /** What it signs with. */
  readonly algorithm: JwtAlgorithm;
  /** What its tokens may be signed with. */
  readonly algorithms: readonly JwtAlgorithm[];
  /** The secret or the private key. */
  readonly signing: KeyObject;
  /** The secret or the public key. */
  readonly verifying: KeyObject;
  /** Null for a secret, which is never published. */
  readonly jwk: PublicJwk | null;
  /** A secret of 32 bytes that follows from the signing key and seals what is stored. */
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

/** RFC 7638, section 3: the hash of the members that the key cannot do without, by name. */
export function thumbprint({ kty, crv, e, n, x, y }: JsonWebKey): string {
  const required = kty === 'RSA' ? { e, kty, n } : { crv, kty, x, y };
  return createHash('sha256').update(JSON.stringify(required)).digest('base64url');
}

/**
 * A thumbprint would be a hash of the secret (RFC 7638, section 7, warns of that). This gives away
 * as much as any token that was signed with it.
 */
function secretId(secret: KeyObject): string {
  return createHmac('sha256', secret).update('kid').digest('base64url');
}

/**
 * HKDF (RFC 5869) of the secret, or of the private exponent or scalar of a private key, which is the
 * same in whatever format the key was read.
 */
function sealingSecret(key: KeyObject): Buffer {
  const secret =
    key.type === 'secret'
      ? key.export()
      : Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url');
  return Buffer.from(hkdfSync('sha256', secret, '', 'nest-rest-jwt sealing', 32));
}
