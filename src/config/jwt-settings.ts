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
import { anyOf, type Found, type SettingsReader, splitList } from './settings-reader.js';

/**
 * The key that the settings name: itself, or the file in which a secret is kept and, where it is
 * missing, made. Null where they name none, and the key file has to have one.
 */
export type JwtKeySource = { readonly key: KeyObject } | { readonly secretFile: string } | null;

export interface JwtSettings {
  readonly key: JwtKeySource;
  /** What the settings' key signs with. */
  readonly algorithm: JwtAlgorithm;
  /** What a token of the settings' key may be signed with; holds `algorithm`. */
  readonly algorithms: readonly JwtAlgorithm[];
  /** Where `npm run keys` keeps more keys; it need not be there. */
  readonly keysFile: string;
}

/** @param options.folder where keys are kept unless a setting says otherwise */
export function readJwtSettings(
  read: SettingsReader,
  options: { production: boolean; folder: string; needsKey: boolean },
): JwtSettings {
  const { production, folder } = options;
  const keysFile = resolve(read.text('JWT_KEYS_FILE') ?? resolve(folder, 'jwt-keys.json'));
  const algorithm = read.choice('JWT_ALGORITHM', JWT_ALGORITHMS, 'HS256', 'JWT_AUTHTYPE');
  const algorithms = readAcceptedAlgorithms(read, algorithm);
  // The key file may hold all the keys there are.
  const needed = options.needsKey && !existsSync(keysFile);
  if (keyKindOf(algorithm) !== 'secret') {
    return { key: readKeyPair(read, algorithm, needed), algorithm, algorithms, keysFile };
  }
  refuseKeyPair(read, algorithm);
  const made = production ? null : { secretFile: resolve(folder, 'jwt-secret') };
  const key = readSecret(read, algorithms, { production, needed }) ?? made;
  return { key, algorithm, algorithms, keysFile };
}

function readSecret(
  read: SettingsReader,
  algorithms: readonly JwtAlgorithm[],
  { production, needed }: { production: boolean; needed: boolean },
): JwtKeySource {
  const { value, spelling } = read.setting('JWT_SECRET_KEY', 'JWT_SECRET');
  const longest = algorithms.reduce((a, b) => (minSecretBytes(b) > minSecretBytes(a) ? b : a));
  if (value === undefined) {
    if (production && needed)
      read.problem(`${spelling} is missing in production; ${remedyFor(longest)}.`);
    return null;
  }
  if (isKeyOfPair(value)) {
    // A path can be guessed, and a public key is known: as a secret they would let everybody sign.
    read.problem(
      `${spelling} is a key of a pair, or the path of a file, and ${longest} takes a secret; set JWT_ALGORITHM to RS256 or ES256 for a key pair, or ${remedyFor(longest)}.`,
    );
    return null;
  }
  const bytes = Buffer.from(value);
  const key = createSecretKey(bytes);
  const problem = keyMismatch(key, longest) ?? (production ? weakSecretError(bytes) : null);
  if (problem !== null) read.problem(`${spelling} ${problem}; ${remedyFor(longest)}.`);
  return { key };
}

function readKeyPair(read: SettingsReader, algorithm: JwtAlgorithm, needed: boolean): JwtKeySource {
  const unused = read.raw('JWT_SECRET_KEY');
  if (unused !== undefined) {
    read.warning(`JWT_SECRET_KEY is not used, as JWT_ALGORITHM is ${algorithm}.`);
  }
  const found = read.setting('JWT_PRIVATE_KEY', 'JWT_SECRET');
  const publicFound = read.setting('JWT_PUBLIC_KEY', 'JWT_PUBLICKEY');
  if (found.value === undefined) {
    if (needed) read.problem(`${found.spelling} is missing; ${remedyFor(algorithm)}.`);
    if (publicFound.value !== undefined) {
      read.problem(`${publicFound.spelling} is set without JWT_PRIVATE_KEY; set both, or neither.`);
    }
    return null;
  }
  const key = readKey(read, found, { algorithm, kind: 'private', remedy: remedyFor(algorithm) });
  const kept = { algorithm, kind: 'public', remedy: PUBLIC_REMEDY } as const;
  const publicKey = readKey(read, publicFound, kept);
  if (key && publicKey && !createPublicKey(key).equals(publicKey)) {
    const problem = `belongs to another private key than ${found.spelling}`;
    read.problem(`${publicFound.spelling} ${problem}; ${PUBLIC_REMEDY}.`);
  }
  return key && { key };
}

const PUBLIC_REMEDY =
  'leave it out, or set it to what this prints: openssl pkey -in private.pem -pubout';

/** The key of a PEM, or of the file that holds one; null where there is none that would do. */
function readKey(
  read: SettingsReader,
  { value, spelling }: Found,
  options: { algorithm: JwtAlgorithm; kind: 'private' | 'public'; remedy: string },
): KeyObject | null {
  if (value === undefined) return null;
  const { algorithm, kind, remedy } = options;
  try {
    const access = isPem(value) ? null : writableByOthers(value);
    if (access !== null) {
      read.problem(`${spelling}: ${access}`);
      return null;
    }
    // Where a variable cannot hold several lines, `\n` stands for their ends.
    const pem = isPem(value) ? value.replaceAll('\\n', '\n') : readFileSync(value, 'utf8');
    const key = kind === 'private' ? createPrivateKey(pem) : publicKeyOf(pem);
    const problem = keyMismatch(key, algorithm);
    if (problem === null) return key;
    read.problem(`${spelling} ${problem}; ${remedy}.`);
  } catch (error) {
    const { syscall, code } = error as NodeJS.ErrnoException;
    // Neither the value nor what a parser says of it is repeated: it may be the key.
    const reason = syscall === undefined ? 'there is none in it' : code;
    read.problem(
      `${spelling} is neither the PEM of a ${kind} key without a passphrase nor the path of one (${reason}); ${remedy}.`,
    );
  }
  return null;
}

/** Node would derive the public key of a private one, which has no business being there. */
function publicKeyOf(pem: string): KeyObject {
  if (pem.includes('PRIVATE KEY')) throw new Error('a private key');
  return createPublicKey(pem);
}

function refuseKeyPair(read: SettingsReader, algorithm: JwtAlgorithm): void {
  for (const name of ['JWT_PRIVATE_KEY', 'JWT_PUBLIC_KEY', 'JWT_PUBLICKEY']) {
    if (read.raw(name) === undefined) continue;
    read.problem(
      `${name} belongs to a key pair, and JWT_ALGORITHM is ${algorithm}; set JWT_ALGORITHM to RS256 or ES256, or leave ${name} out.`,
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
      : `is not known; use ${anyOf(JWT_ALGORITHMS)}`;
    if (problem !== null) read.problem(`JWT_ALGORITHMS: "${name}" ${problem}.`);
    else if (known) accepted.add(known);
  }
  if (!accepted.delete(signing)) {
    read.problem(`JWT_ALGORITHMS leaves out ${signing}, which signs; add it.`);
  }
  return [signing, ...accepted];
}

/** Why no key fits both algorithms. */
function algorithmMismatch(accepted: JwtAlgorithm, signing: JwtAlgorithm): string | null {
  const [kind, signingKind] = [keyKindOf(accepted), keyKindOf(signing)];
  const remedy = 'leave it out, and see `npm run keys` for going from one to the other';
  if ((kind === 'secret') !== (signingKind === 'secret')) {
    return `mixes secrets and key pairs, as ${signing} signs; ${remedy}`;
  }
  const unlikeKey = kind !== signingKind || (kind === 'ec' && accepted !== signing);
  return unlikeKey ? `takes another kind of key than ${signing}, which signs; ${remedy}` : null;
}

function isPem(value: string): boolean {
  return value.includes('-----BEGIN ');
}

/**
 * Whether it is meant for JWT_PRIVATE_KEY or JWT_PUBLIC_KEY: a PEM or DER, also in base64, a JWK, or
 * a path.
 */
function isKeyOfPair(value: string): boolean {
  if (isPem(value) || /^\s*\{.*"kty"/s.test(value)) return true;
  if (existsSync(value) || /\.(pem|key|der|crt)$/i.test(value)) return true;
  const key = Buffer.from(value, 'base64');
  if (isPem(key.toString('latin1'))) return true;
  const format = 'der';
  return (
    (['spki', 'pkcs1'] as const).some((type) =>
      parses(() => createPublicKey({ key, format, type })),
    ) ||
    (['pkcs8', 'pkcs1', 'sec1'] as const).some((type) =>
      parses(() => createPrivateKey({ key, format, type })),
    )
  );
}

function parses(parse: () => unknown): boolean {
  try {
    parse();
    return true;
  } catch {
    return false;
  }
}
