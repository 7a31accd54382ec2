import {
  createPrivateKey,
  createSecretKey,
  generateKeyPairSync,
  generateKeySync,
  type JsonWebKey,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { StartError } from '../../common/start-error.js';
import {
  CURVES,
  JWT_ALGORITHMS,
  type JwtAlgorithm,
  keyKindOf,
  misfit,
} from '../../config/jwt-algorithms.js';
import { type TokenKey, tokenKey } from './token-key.js';

/** A key of the file: a JWK (RFC 7517) with its private members. */
export interface StoredKey extends JsonWebKey {
  kid: string;
  alg: JwtAlgorithm;
  /** ISO 8601. */
  created_at: string;
}

/**
 * The key that was stored.
 *
 * @throws StartError where it is none that would do
 */
export function openStoredKey(stored: StoredKey): TokenKey {
  const known = JWT_ALGORITHMS.find((algorithm) => algorithm === stored.alg);
  if (!known) throw new StartError(`The stored key ${stored.kid} has no known algorithm.`);
  const key = tokenKey(keyObject(stored), known);
  const problem = misfit(key.signing, known);
  if (problem !== null) throw new StartError(`The stored key ${stored.kid} ${problem}.`);
  if (key.id !== stored.kid) {
    throw new StartError(`The stored key ${stored.kid} should be called ${key.id}.`);
  }
  if (!isPair(key))
    throw new StartError(`The stored key ${stored.kid} is of two halves that differ.`);
  return key;
}

/** Node takes the public half of a stored key from beside the private one, and compares nothing. */
function isPair({ signing, verifying }: TokenKey): boolean {
  if (signing.type === 'secret') return true;
  const probe = Buffer.from('probe');
  return verify('sha256', probe, verifying, sign('sha256', probe, signing));
}

/** A new key for the algorithm. */
export function generateKey(algorithm: JwtAlgorithm): StoredKey {
  const key = newKey(algorithm);
  const { id } = tokenKey(key, algorithm);
  const created_at = new Date().toISOString();
  return { kid: id, alg: algorithm, created_at, ...key.export({ format: 'jwk' }) };
}

function newKey(algorithm: JwtAlgorithm): KeyObject {
  const kind = keyKindOf(algorithm);
  if (kind === 'secret') return generateKeySync('hmac', { length: 512 });
  if (kind === 'rsa') return generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey;
  const namedCurve = CURVES[algorithm as keyof typeof CURVES];
  return generateKeyPairSync('ec', { namedCurve }).privateKey;
}

function keyObject(stored: StoredKey): KeyObject {
  try {
    if (stored.kty === 'oct') return createSecretKey(String(stored.k), 'base64url');
    return createPrivateKey({ key: stored, format: 'jwk' });
  } catch {
    // What Node says of it may hold the key.
    throw new StartError(`The stored key ${stored.kid} is no private key.`);
  }
}
