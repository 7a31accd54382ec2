import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { CURVES, type JwtAlgorithm } from '../../src/config/jwt-algorithms.js';
import { SECRET } from './test-app.js';

const keyPairs = new Map<string, { privateKey: KeyObject; publicKey: KeyObject }>();

/** A key pair for the algorithm. It is generated once, because RSA keys take long. */
export function keyPairFor(algorithm: JwtAlgorithm) {
  const curve = CURVES[algorithm as keyof typeof CURVES];
  const kind = curve ?? 'rsa';
  const known = keyPairs.get(kind);
  if (known) return known;
  const pair =
    curve === undefined
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: curve });
  keyPairs.set(kind, pair);
  return pair;
}

export function pemOf(key: KeyObject): string {
  const type = key.type === 'private' ? 'pkcs8' : 'spki';
  return key.export({ type, format: 'pem' }).toString();
}

/** The settings of a service that signs with the algorithm. */
export function settingsFor(algorithm: JwtAlgorithm): Record<string, string> {
  if (algorithm.startsWith('HS')) return { JWT_ALGORITHM: algorithm, JWT_SECRET_KEY: SECRET };
  return { JWT_ALGORITHM: algorithm, JWT_PRIVATE_KEY: pemOf(keyPairFor(algorithm).privateKey) };
}
