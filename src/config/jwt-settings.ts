import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { writableByOthers } from './private-file.js';
import {
  JWT_ALGORITHMS,
  type JwtAlgorithm,
  keyKindOf,
  keyMismatch,
  minSecretBytes,
  remedyFor,
  weakSecretError,
} from './jwt-algorithms.js';
import { isKeyOfPair, isPem } from './keys/key-of-pair.js';
import { type KeyStoreSettings, readKeyStoreSettings } from './keys/key-store-settings.js';
import { anyOf, type Found, type SettingsReader, splitList } from './settings-reader.js';

/**
 * The configured key: the key itself, or the file of a secret, which is created if it is missing.
 * Null if no key is configured, and the key file or the database has to contain one.
 */
type JwtKeySource =
  | { readonly key: KeyObject; /** The file of a private key. */ readonly file?: string }
  | { readonly secretFile: string }
  | null;

export interface JwtSettings {
  readonly key: JwtKeySource;
  /** The algorithm that the configured key signs with. */
  readonly algorithm: JwtAlgorithm;
  /** The algorithms that are accepted for tokens of the configured key, including `algorithm`. */
  readonly algorithms: readonly JwtAlgorithm[];
  /** Where `npm run keys` keeps more keys. */
  readonly keyStore: KeyStoreSettings;
}

/** @param options.folder the default folder of keys */
export function readJwtSettings(
  read: SettingsReader,
  options: { production: boolean; folder: string; needsKey: boolean },
): JwtSettings {
  const { production, folder } = options;
  const keyStore = readKeyStoreSettings(read, folder);
  const algorithm = read.choice('JWT_ALGORITHM', JWT_ALGORITHMS, 'HS256', 'JWT_AUTHTYPE');
  const algorithms = readAcceptedAlgorithms(read, algorithm);
  // A key file or the database may contain all keys, so it makes a configured key optional.
  const needed = options.needsKey && 'file' in keyStore && !existsSync(keyStore.file);
  if (keyKindOf(algorithm) !== 'secret') {
    return { key: readKeyPair(read, algorithm, needed), algorithm, algorithms, keyStore };
  }
  refuseKeyPair(read, algorithm);
  const made = production ? null : { secretFile: resolve(folder, 'jwt-secret') };
  const key = readSecret(read, algorithms, { production, needed }) ?? made;
  return { key, algorithm, algorithms, keyStore };
}

function readSecret(
  read: SettingsReader,
  algorithms: readonly JwtAlgorithm[],
  { production, needed }: { production: boolean; needed: boolean },
): JwtKeySource {
  const { value, name } = read.setting('JWT_SECRET_KEY', 'JWT_SECRET');
  const longest = algorithms.reduce((a, b) => (minSecretBytes(b) > minSecretBytes(a) ? b : a));
  if (value === undefined) {
    if (production && needed)
      read.problem(`${name} is required in production; ${remedyFor(longest)}.`);
    return null;
  }
  if (isKeyOfPair(value)) {
    // As a secret, a path or a public key would let anybody sign, because others know or guess it.
    read.problem(
      `${name} is a key of a key pair or the path of a file, but ${longest} needs a secret; set JWT_ALGORITHM to RS256 or ES256 for a key pair, or ${remedyFor(longest)}.`,
    );
    return null;
  }
  const bytes = Buffer.from(value);
  const key = createSecretKey(bytes);
  const problem = keyMismatch(key, longest) ?? (production ? weakSecretError(bytes) : null);
  if (problem !== null) read.problem(`${name} ${problem}; ${remedyFor(longest)}.`);
  return { key };
}

function readKeyPair(read: SettingsReader, algorithm: JwtAlgorithm, needed: boolean): JwtKeySource {
  const unused = read.raw('JWT_SECRET_KEY');
  if (unused !== undefined) {
    read.warning(`JWT_SECRET_KEY is not used, because JWT_ALGORITHM is ${algorithm}.`);
  }
  const found = read.setting('JWT_PRIVATE_KEY', 'JWT_SECRET');
  const publicFound = read.setting('JWT_PUBLIC_KEY', 'JWT_PUBLICKEY');
  if (found.value === undefined) {
    if (needed) read.problem(`${found.name} is missing; ${remedyFor(algorithm)}.`);
    if (publicFound.value !== undefined) {
      read.problem(`${publicFound.name} is set without JWT_PRIVATE_KEY; set both or neither.`);
    }
    return null;
  }
  const key = readKey(read, found, { algorithm, kind: 'private', remedy: remedyFor(algorithm) });
  const kept = { algorithm, kind: 'public', remedy: PUBLIC_REMEDY } as const;
  const publicKey = readKey(read, publicFound, kept);
  if (key && publicKey && !createPublicKey(key).equals(publicKey)) {
    const problem = `does not belong to ${found.name}`;
    read.problem(`${publicFound.name} ${problem}; ${PUBLIC_REMEDY}.`);
  }
  const file = isPem(found.value) ? {} : { file: resolve(found.value) };
  return key && { key, ...file };
}

const PUBLIC_REMEDY =
  'leave it out, or set it to the output of: openssl pkey -in private.pem -pubout';

/** Reads a key from a PEM, or from the file that holds one; null if it cannot be used. */
function readKey(
  read: SettingsReader,
  { value, name }: Found,
  options: { algorithm: JwtAlgorithm; kind: 'private' | 'public'; remedy: string },
): KeyObject | null {
  if (value === undefined) return null;
  const { algorithm, kind, remedy } = options;
  try {
    const access = isPem(value) ? null : writableByOthers(value);
    if (access !== null) {
      read.problem(`${name}: ${access}`);
      return null;
    }
    // If a variable cannot contain several lines, `\n` separates them.
    const pem = isPem(value) ? value.replaceAll('\\n', '\n') : readFileSync(value, 'utf8');
    const key = kind === 'private' ? createPrivateKey(pem) : publicKeyOf(pem);
    const problem = keyMismatch(key, algorithm);
    if (problem === null) return key;
    read.problem(`${name} ${problem}; ${remedy}.`);
  } catch (error) {
    const { syscall, code } = error as NodeJS.ErrnoException;
    // The message repeats neither the value nor the parser's message, which may contain the key.
    const reason = syscall === undefined ? 'it contains none' : code;
    read.problem(
      `${name} is neither the PEM of a ${kind} key without a passphrase nor the path of one (${reason}); ${remedy}.`,
    );
  }
  return null;
}

/** Refuses a private key, from which Node would derive the public key. It must not be there. */
function publicKeyOf(pem: string): KeyObject {
  if (pem.includes('PRIVATE KEY')) throw new Error('a private key');
  return createPublicKey(pem);
}

function refuseKeyPair(read: SettingsReader, algorithm: JwtAlgorithm): void {
  for (const name of ['JWT_PRIVATE_KEY', 'JWT_PUBLIC_KEY', 'JWT_PUBLICKEY']) {
    if (read.raw(name) === undefined) continue;
    read.problem(
      `${name} belongs to a key pair, but JWT_ALGORITHM is ${algorithm}; set JWT_ALGORITHM to RS256 or ES256, or leave ${name} out.`,
    );
  }
}

function readAcceptedAlgorithms(read: SettingsReader, signing: JwtAlgorithm): JwtAlgorithm[] {
  const value = read.raw('JWT_ALGORITHMS');
  if (value === undefined) return [signing];
  const accepted = new Set<JwtAlgorithm>();
  for (const name of splitList(value)) {
    const known = JWT_ALGORITHMS.find((algorithm) => algorithm === name);
    const problem = known
      ? algorithmMismatch(known, signing)
      : `is not supported; use ${anyOf(JWT_ALGORITHMS)}`;
    if (problem !== null) read.problem(`JWT_ALGORITHMS: "${name}" ${problem}.`);
    else if (known) accepted.add(known);
  }
  if (!accepted.delete(signing)) {
    read.problem(`JWT_ALGORITHMS does not contain ${signing}, which signs; add it.`);
  }
  return [signing, ...accepted];
}

/** Returns why no key fits both algorithms, as the end of a sentence; null if one does. */
function algorithmMismatch(accepted: JwtAlgorithm, signing: JwtAlgorithm): string | null {
  const [kind, signingKind] = [keyKindOf(accepted), keyKindOf(signing)];
  const remedy = 'leave it out, and use `npm run keys` to change from one to the other';
  if ((kind === 'secret') !== (signingKind === 'secret')) {
    return `cannot be combined with ${signing}, which signs: one needs a secret and the other a key pair; ${remedy}`;
  }
  const unlikeKey = kind !== signingKind || (kind === 'ec' && accepted !== signing);
  return unlikeKey ? `needs another kind of key than ${signing}, which signs; ${remedy}` : null;
}
