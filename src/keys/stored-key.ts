import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  generateKeySync,
  type JsonWebKey,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { StartError } from '../errors/start-error.js';
import {
  CURVES,
  JWT_ALGORITHMS,
  type JwtAlgorithm,
  keyKindOf,
  keyMismatch,
} from '../config/jwt-algorithms.js';
import { type TokenKey, tokenKey } from './token-key.js';

/** A key of the file: a JWK (RFC 7517) with its private members. */
export interface StoredKey extends JsonWebKey {
  kid: string;
  alg: JwtAlgorithm;
  /** ISO 8601. */
  created_at: string;
}

/**
 * Converts a stored key to a key that signs and verifies.
 *
 * @throws StartError if the stored key is invalid
 */
export function openStoredKey(stored: StoredKey): TokenKey {
  const known = JWT_ALGORITHMS.find((algorithm) => algorithm === stored.alg);
  if (!known) throw new StartError(`The stored key ${stored.kid} has no known algorithm.`);
  const signing = keyObject(stored);
  // Checked first: on Node 20 and 22, exporting a private half that is too long ends the process.
  if (!isPair(signing)) throw halvesDiffer(stored);
  const key = tokenKey(signing, known);
  const problem = usageError(stored) ?? keyMismatch(key.signing, known);
  if (problem !== null) {
    throw new StartError(
      `The stored key ${stored.kid} ${problem}; remove it from the key file, and create another one with: npm run keys -- add ${known}.`,
    );
  }
  if (key.id !== stored.kid) {
    throw new StartError(`The stored key ${stored.kid} should have the kid ${key.id}.`);
  }
  return key;
}

/**
 * Returns why a key is not meant for signatures, as the end of a sentence (RFC 7517, sections 4.2
 * and 4.3); null if it is, or if it does not say.
 */
function usageError({ kty, use, key_ops: operations }: StoredKey): string | null {
  if (use !== undefined && use !== 'sig') return 'is not for signatures, as its `use` says';
  if (operations === undefined) return null;
  const needed = kty === 'oct' ? ['sign', 'verify'] : ['sign'];
  const isMeant = Array.isArray(operations) && needed.every((each) => operations.includes(each));
  return isMeant ? null : 'is not for signatures, as its `key_ops` say';
}

/**
 * Whether the private and the public half belong together. Node 20 and 22 import two halves without
 * comparing them.
 */
function isPair(signing: KeyObject): boolean {
  if (signing.type === 'secret') return true;
  const probe = Buffer.from('probe');
  try {
    return verify('sha256', probe, signing, sign('sha256', probe, signing));
  } catch {
    // OpenSSL cannot sign with a private half that is out of range.
    return false;
  }
}

function halvesDiffer({ kid }: StoredKey): StartError {
  return new StartError(`The stored key ${kid} has a private and a public half that do not match.`);
}

/** Generates a key for the algorithm. */
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
    // Node 24 and later refuse halves that do not match, with the same message as for any invalid
    // key.
    if (typeof stored.d === 'string' && isPublicKey(stored)) throw halvesDiffer(stored);
    // The message of Node may contain the key, and is not repeated.
    throw new StartError(`The stored key ${stored.kid} is not a private key.`);
  }
}

/** Whether the public members of a JWK form a valid public key. */
function isPublicKey({ kty, crv, x, y, n, e }: StoredKey): boolean {
  try {
    createPublicKey({ key: { kty, crv, x, y, n, e } as JsonWebKey, format: 'jwk' });
    return true;
  } catch {
    return false;
  }
}
