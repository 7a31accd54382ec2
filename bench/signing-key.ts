import {
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { CURVES, type JwtAlgorithm, keyKindOf } from '../src/config/jwt-algorithms.js';

/** A new key, once for the product and once for the bare operation. */
export interface SigningKey {
  /** How the product is told of it. */
  settings: Record<string, string>;
  /** The secret or the public key. */
  verifying: KeyObject;
}

export function newSigningKey(algorithm: JwtAlgorithm): SigningKey {
  const JWT_ALGORITHM = algorithm;
  if (keyKindOf(algorithm) === 'secret') {
    const secret = randomBytes(64).toString('base64url');
    return {
      settings: { JWT_ALGORITHM, JWT_SECRET_KEY: secret },
      verifying: createSecretKey(Buffer.from(secret)),
    };
  }
  const { privateKey } = newKeyPair(algorithm);
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return {
    settings: { JWT_ALGORITHM, JWT_PRIVATE_KEY: pem },
    verifying: createPublicKey(privateKey),
  };
}

function newKeyPair(algorithm: JwtAlgorithm): { privateKey: KeyObject } {
  if (keyKindOf(algorithm) === 'rsa') return generateKeyPairSync('rsa', { modulusLength: 2048 });
  return generateKeyPairSync('ec', { namedCurve: CURVES[algorithm as keyof typeof CURVES] });
}
