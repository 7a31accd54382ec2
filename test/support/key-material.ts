import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { CURVES, type JwtAlgorithm } from '../../src/config/jwt-algorithms.js';
import { SECRET } from './test-app.js';

const made = new Map<string, { privateKey: KeyObject; publicKey: KeyObject }>();

/** A key pair for the algorithm, made once: RSA keys take their time. */
export function keyPairFor(algorithm: JwtAlgorithm) {
  const curve = CURVES[algorithm as keyof typeof CURVES];
  const kind = curve ?? 'rsa';
  const known = made.get(kind);
  if (known) return known;
  const pair =
    curve === undefined
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: curve });
  made.set(kind, pair);
  return pair;
}

export function pemOf(key: KeyObject): string {
  const type = key.type === 'private' ? 'pkcs8' : 'spki';
  return key.export({ type, format: 'pem' }).toString();
}

/** What lets a service sign with the algorithm. */
export function settingsFor(algorithm: JwtAlgorithm): Record<string, string> {
  if (algorithm.startsWith('HS')) return { JWT_ALGORITHM: algorithm, JWT_SECRET_KEY: SECRET };
  return { JWT_ALGORITHM: algorithm, JWT_PRIVATE_KEY: pemOf(keyPairFor(algorithm).privateKey) };
}
