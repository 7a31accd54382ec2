import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { AppConfig } from '../../src/config/app-config.js';
import { SettingsError } from '../../src/config/settings-reader.js';

const folder = mkdtempSync(join(tmpdir(), 'jwt-settings-'));
afterAll(() => rmSync(folder, { recursive: true }));

function pair(type: 'rsa' | 'ec' | 'ed25519', options: object = {}) {
  const { privateKey, publicKey } = generateKeyPairSync(type as 'ec', {
    ...(options as { namedCurve: string }),
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return { privateKey: privateKey.trim(), publicKey: publicKey.trim() };
}

const rsa = pair('rsa', { modulusLength: 2048 });
const otherRsa = pair('rsa', { modulusLength: 2048 });
const shortRsa = pair('rsa', { modulusLength: 1024 });
const exponent3 = pair('rsa', { modulusLength: 2048, publicExponent: 3 });
const p256 = pair('ec', { namedCurve: 'P-256' });
const p384 = pair('ec', { namedCurve: 'P-384' });
const p521 = pair('ec', { namedCurve: 'P-521' });
const ed25519 = pair('ed25519');
const path = join(folder, 'private.pem');
writeFileSync(path, rsa.privateKey);

const bodyOf = (pem: string): string => pem.replaceAll(/-----.+-----|\n/g, '');
const pairAsSecret =
  'JWT_SECRET_KEY is a key of a pair, or the path of a file, and HS256 takes a secret; set JWT_ALGORITHM to RS256 or ES256 for a key pair, or set it to at least 32 random bytes, for example from: openssl rand -base64 48.';

const SECRET = 'x'.repeat(64);
const rsaRemedy =
  'set it to the PEM, or the path, of a key made by: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out private.pem.';
const ecRemedy = (curve: string) =>
  `set it to the PEM, or the path, of a key made by: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:${curve} -out private.pem.`;

function from(env: Record<string, string>): AppConfig {
  return AppConfig.from({ DATABASE_URL: `sqlite:${join(folder, 'app.sqlite')}`, ...env });
}

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    from(env);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

describe('The settings of keys', () => {
  it.each([
    ['a PEM', { JWT_ALGORITHM: 'RS256', JWT_PRIVATE_KEY: rsa.privateKey }],
    ['a PEM on one line', { JWT_PRIVATE_KEY: rsa.privateKey.replaceAll('\n', '\\n') }],
    ['the path of one', { JWT_PRIVATE_KEY: path }],
    ['both keys', { JWT_PRIVATE_KEY: rsa.privateKey, JWT_PUBLIC_KEY: rsa.publicKey }],
    ['the seeds’ spellings', { JWT_SECRET: rsa.privateKey, JWT_PUBLICKEY: rsa.publicKey }],
    ['RS384', { JWT_ALGORITHM: 'RS384', JWT_PRIVATE_KEY: rsa.privateKey }],
    ['RS512', { JWT_ALGORITHM: 'RS512', JWT_PRIVATE_KEY: rsa.privateKey }],
    ['ES256', { JWT_ALGORITHM: 'ES256', JWT_PRIVATE_KEY: p256.privateKey }],
    ['ES384', { JWT_ALGORITHM: 'ES384', JWT_PRIVATE_KEY: p384.privateKey }],
    ['ES512', { JWT_ALGORITHM: 'ES512', JWT_PRIVATE_KEY: p521.privateKey }],
    ['production', { NODE_ENV: 'production', JWT_PRIVATE_KEY: rsa.privateKey }],
    ['several RS', { JWT_ALGORITHMS: 'RS256,RS512', JWT_PRIVATE_KEY: rsa.privateKey }],
  ])('take %s', (_, env) => {
    const { jwt } = from({ JWT_ALGORITHM: 'RS256', ...env });
    expect(jwt.key && 'key' in jwt.key && jwt.key.key.type).toBe('private');
  });

  it.each<[string, Record<string, string>, string]>([
    [
      'a secret shorter than the hash',
      { JWT_SECRET_KEY: 'aRandomHash' },
      'JWT_SECRET_KEY has 11 bytes, too few for HS256; set it to at least 32 random bytes, for example from: openssl rand -base64 48.',
    ],
    [
      'a secret shorter than the hash of HS384, in the other spelling',
      { JWT_ALGORITHM: 'HS384', JWT_SECRET: 'x'.repeat(47) },
      'JWT_SECRET has 47 bytes, too few for HS384; set it to at least 48 random bytes, for example from: openssl rand -base64 72.',
    ],
    [
      'a secret shorter than the hash of HS512',
      { JWT_ALGORITHM: 'HS512', JWT_SECRET_KEY: 'x'.repeat(63) },
      'JWT_SECRET_KEY has 63 bytes, too few for HS512; set it to at least 64 random bytes, for example from: openssl rand -base64 96.',
    ],
    [
      'a secret shorter than the hash of another accepted algorithm',
      { JWT_ALGORITHMS: 'HS256,HS512', JWT_SECRET_KEY: 'x'.repeat(63) },
      'JWT_SECRET_KEY has 63 bytes, too few for HS512; set it to at least 64 random bytes, for example from: openssl rand -base64 96.',
    ],
    ['a PEM as a secret', { JWT_SECRET_KEY: rsa.publicKey }, pairAsSecret],
    ['a path as a secret', { JWT_SECRET_KEY: path }, pairAsSecret],
    ['a public key in base64 as a secret', { JWT_SECRET_KEY: bodyOf(rsa.publicKey) }, pairAsSecret],
    ...[
      Buffer.from(rsa.publicKey).toString('base64'),
      bodyOf(rsa.privateKey),
      bodyOf(p256.publicKey),
      '/etc/keys/private-key-of-the-service.pem',
    ].map((value): [string, Record<string, string>, string] => [
      `a key in another form as a secret (${value.slice(0, 12)}…)`,
      { JWT_SECRET_KEY: value },
      pairAsSecret,
    ]),
    [
      'a JWK as a secret',
      { JWT_SECRET_KEY: '{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmb","e":"AQAB"}' },
      pairAsSecret,
    ],
    [
      'an RSA key under 2048 bits',
      { JWT_ALGORITHM: 'RS256', JWT_PRIVATE_KEY: shortRsa.privateKey },
      `JWT_PRIVATE_KEY has 1024 bits, too few for RS256; ${rsaRemedy}`,
    ],
    [
      'an RSA key with a public exponent below 65537',
      { JWT_ALGORITHM: 'RS256', JWT_PRIVATE_KEY: exponent3.privateKey },
      `JWT_PRIVATE_KEY has the public exponent 3, and needs at least 65537; ${rsaRemedy}`,
    ],
    [
      'a curve that does not fit the algorithm',
      { JWT_ALGORITHM: 'ES256', JWT_PRIVATE_KEY: p384.privateKey },
      `JWT_PRIVATE_KEY is on secp384r1, which does not fit ES256; ${ecRemedy('prime256v1')}`,
    ],
    [
      'a key type that does not fit the algorithm',
      { JWT_ALGORITHM: 'ES512', JWT_PRIVATE_KEY: rsa.privateKey },
      `JWT_PRIVATE_KEY is of the kind rsa, which does not fit ES512; ${ecRemedy('secp521r1')}`,
    ],
    [
      'a key of no algorithm here',
      { JWT_ALGORITHM: 'RS256', JWT_PRIVATE_KEY: ed25519.privateKey },
      `JWT_PRIVATE_KEY is of the kind ed25519, which does not fit RS256; ${rsaRemedy}`,
    ],
    [
      'a public key of another private key',
      { JWT_ALGORITHM: 'RS256', JWT_PRIVATE_KEY: path, JWT_PUBLIC_KEY: otherRsa.publicKey },
      'JWT_PUBLIC_KEY belongs to another private key than JWT_PRIVATE_KEY; leave it out, or set it to what this prints: openssl pkey -in private.pem -pubout.',
    ],
    [
      'a public key in place of the private one',
      { JWT_ALGORITHM: 'RS256', JWT_SECRET: rsa.publicKey },
      `JWT_SECRET is neither the PEM of a private key without a passphrase nor the path of one (there is none in it); ${rsaRemedy}`,
    ],
    [
      'a private key in place of the public one',
      { JWT_ALGORITHM: 'RS256', JWT_PRIVATE_KEY: path, JWT_PUBLICKEY: rsa.privateKey },
      `JWT_PUBLICKEY is neither the PEM of a public key without a passphrase nor the path of one (there is none in it); leave it out, or set it to what this prints: openssl pkey -in private.pem -pubout.`,
    ],
    [
      'a path where nothing is',
      { JWT_ALGORITHM: 'RS256', JWT_PRIVATE_KEY: join(folder, 'nothing.pem') },
      `JWT_PRIVATE_KEY is neither the PEM of a private key without a passphrase nor the path of one (ENOENT); ${rsaRemedy}`,
    ],
    ['no private key', { JWT_ALGORITHM: 'RS256' }, `JWT_PRIVATE_KEY is missing; ${rsaRemedy}`],
    [
      'a key pair where a secret signs',
      { JWT_PRIVATE_KEY: path },
      'JWT_PRIVATE_KEY belongs to a key pair, and JWT_ALGORITHM is HS256; set JWT_ALGORITHM to RS256 or ES256, or leave JWT_PRIVATE_KEY out.',
    ],
    [
      'secrets and key pairs mixed among the accepted algorithms',
      { JWT_ALGORITHMS: 'HS256,RS256' },
      'JWT_ALGORITHMS: "RS256" mixes secrets and key pairs, as HS256 signs; leave it out, and see `npm run keys` for going from one to the other.',
    ],
    [
      'key pairs and secrets mixed among the accepted algorithms',
      { JWT_ALGORITHM: 'RS256', JWT_PRIVATE_KEY: path, JWT_ALGORITHMS: 'RS256,HS256' },
      'JWT_ALGORITHMS: "HS256" mixes secrets and key pairs, as RS256 signs; leave it out, and see `npm run keys` for going from one to the other.',
    ],
    [
      'an accepted algorithm that the key cannot have',
      { JWT_ALGORITHM: 'ES256', JWT_PRIVATE_KEY: p256.privateKey, JWT_ALGORITHMS: 'ES256,ES384' },
      'JWT_ALGORITHMS: "ES384" takes another kind of key than ES256, which signs; leave it out, and see `npm run keys` for going from one to the other.',
    ],
    [
      'an unknown accepted algorithm',
      { JWT_SECRET_KEY: SECRET, JWT_ALGORITHMS: 'HS256,none' },
      'JWT_ALGORITHMS: "none" is not known; use HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384 or ES512.',
    ],
  ])('refuse %s', (_, env, sentence) => {
    expect(problemsOf(env)).toEqual([sentence]);
  });

  it('never repeat a key', () => {
    const broken = rsa.privateKey.replace(/\n.{30}/, '\nsurprise');
    const problems = problemsOf({ JWT_ALGORITHM: 'RS256', JWT_PRIVATE_KEY: broken }).join();
    expect(problems).toContain('JWT_PRIVATE_KEY is neither');
    expect(problems).not.toContain('surprise');
  });

  it('warn of a secret that is not used', () => {
    const env = { JWT_ALGORITHM: 'RS256', JWT_PRIVATE_KEY: path, JWT_SECRET_KEY: SECRET };
    expect(from(env).warnings).toEqual(['JWT_SECRET_KEY is not used, as JWT_ALGORITHM is RS256.']);
  });

  it('ask for no key in production where the key file is there', () => {
    const env = { NODE_ENV: 'production', JWT_KEYS_FILE: join(folder, 'keys.json') };
    expect(problemsOf(env)).toEqual([expect.stringContaining('JWT_SECRET_KEY is missing')]);
    writeFileSync(env.JWT_KEYS_FILE, '{}');
    expect(from(env).jwt.key).toBeNull();
  });
});
