import {
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { CURVES, type JwtAlgorithm, keyKindOf } from '../src/config/jwt-algorithms.js';

/** A new key, for the product and for the signature check alone. */
interface SigningKey {
  /** The settings that configure the key in the product. */
  settings: Record<string, string>;
  /** The secret or the public key, which verifies signatures. */
  verifying: KeyObject;
}

export function generateSigningKey(algorithm: JwtAlgorithm): SigningKey {
  const JWT_ALGORITHM = algorithm;
  if (keyKindOf(algorithm) === 'secret') {
    const secret = randomBytes(64).toString('base64url');
    return {
      settings: { JWT_ALGORITHM, JWT_SECRET_KEY: secret },
      verifying: createSecretKey(Buffer.from(secret)),
    };
  }
  const { privateKey } = generateKeyPair(algorithm);
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return {
    settings: { JWT_ALGORITHM, JWT_PRIVATE_KEY: pem },
    verifying: createPublicKey(privateKey),
  };
}

function generateKeyPair(algorithm: JwtAlgorithm): { privateKey: KeyObject } {
  if (keyKindOf(algorithm) === 'rsa') return generateKeyPairSync('rsa', { modulusLength: 2048 });
  return generateKeyPairSync('ec', { namedCurve: CURVES[algorithm as keyof typeof CURVES] });
}
