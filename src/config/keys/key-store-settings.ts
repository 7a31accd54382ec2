import { createSecretKey, type KeyObject } from 'node:crypto';
import { resolve } from 'node:path';
import { minSecretBytes, remedyFor, weakSecretError } from '../jwt-algorithms.js';
import { isKeyOfPair } from './key-of-pair.js';
import type { SettingsReader } from '../settings-reader.js';

/** The secrets that seal the keys in the database. */
export interface SealingSecrets {
  readonly secret: KeyObject;
  /** The secret before a change. It opens what it has sealed, and seals nothing. */
  readonly previousSecret: KeyObject | null;
}

/** Where `npm run keys` keeps keys: in a file, which may be missing, or in the database. */
export type KeyStoreSettings = { readonly file: string } | SealingSecrets;

const SECRET = 'JWT_KEYS_SECRET';
const PREVIOUS_SECRET = 'JWT_KEYS_PREVIOUS_SECRET';

/** @param folder the default folder of the key file */
export function readKeyStoreSettings(read: SettingsReader, folder: string): KeyStoreSettings {
  const file = read.text('JWT_KEYS_FILE');
  if (read.choice('JWT_KEYS', ['file', 'database'], 'file') === 'file') {
    for (const name of [SECRET, PREVIOUS_SECRET]) {
      if (read.raw(name) === undefined) continue;
      read.warning(`${name} is not used, because JWT_KEYS is file.`);
    }
    return { file: resolve(file ?? resolve(folder, 'jwt-keys.json')) };
  }
  if (file !== undefined) {
    read.problem(
      'JWT_KEYS_FILE is set, but JWT_KEYS is database; leave JWT_KEYS_FILE out, and copy the keys of the file to the database with: npm run keys -- import <file>.',
    );
  }
  const secret = read.raw(SECRET);
  const problem = problemOf(secret, read.raw('JWT_SECRET_KEY') ?? read.raw('JWT_SECRET'));
  if (problem !== null) read.problem(`${SECRET} ${problem}; ${remedyFor('HS256')}.`);
  const previous = read.raw(PREVIOUS_SECRET);
  return {
    secret: keyOf(secret ?? ''),
    previousSecret: previous === undefined ? null : keyOf(previous),
  };
}

/** Returns why the value cannot seal keys, as the end of a sentence; null if it can. */
function problemOf(value: string | undefined, tokenSecret: string | undefined): string | null {
  if (value === undefined) return 'is required with JWT_KEYS=database';
  // Others know or guess a path and a public key.
  if (isKeyOfPair(value)) return 'is a key of a key pair or the path of a file, and not a secret';
  // Other services may share the secret of the tokens.
  if (value === tokenSecret) return 'is the secret that signs tokens';
  const bytes = Buffer.from(value);
  const least = minSecretBytes('HS256');
  if (bytes.length < least) return `has ${bytes.length} bytes, but at least ${least} are required`;
  return weakSecretError(bytes);
}

function keyOf(value: string): KeyObject {
  return createSecretKey(Buffer.from(value));
}
