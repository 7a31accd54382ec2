import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { AppConfig } from '../../src/config/app-config.js';
import { problemsOf as problemsOfSettings } from '../support/settings.js';

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
  'JWT_SECRET_KEY is a key of a key pair or the path of a file, but HS256 needs a secret; set JWT_ALGORITHM to RS256 or ES256 for a key pair, or set it to at least 32 random bytes, for example from: openssl rand -base64 48.';

const SECRET = 'x'.repeat(64);
const rsaRemedy =
  'set it to the PEM, or the path, of a key made by: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out private.pem.';
const ecRemedy = (curve: string) =>
  `set it to the PEM, or the path, of a key made by: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:${curve} -out private.pem.`;

const inFolder = (env: Record<string, string>) => ({
  DATABASE_URL: `sqlite:${join(folder, 'app.sqlite')}`,
  ...env,
});
const from = (env: Record<string, string>): AppConfig => AppConfig.from(inFolder(env));
const problemsOf = (env: Record<string, string>) => problemsOfSettings(inFolder(env));

describe('The key settings', () => {
  it.each([
    ['as a PEM', { JWT_ALGORITHM: 'RS256', JWT_PRIVATE_KEY: rsa.privateKey }],
    ['as a PEM on one line', { JWT_PRIVATE_KEY: rsa.privateKey.replaceAll('\n', '\\n') }],
    ['as the path of a PEM', { JWT_PRIVATE_KEY: path }],
    ['with its public key', { JWT_PRIVATE_KEY: rsa.privateKey, JWT_PUBLIC_KEY: rsa.publicKey }],
    [
      'under the alternative names of the settings',
      { JWT_SECRET: rsa.privateKey, JWT_PUBLICKEY: rsa.publicKey },
    ],
    ['for RS384', { JWT_ALGORITHM: 'RS384', JWT_PRIVATE_KEY: rsa.privateKey }],
    ['for RS512', { JWT_ALGORITHM: 'RS512', JWT_PRIVATE_KEY: rsa.privateKey }],
    ['for ES256', { JWT_ALGORITHM: 'ES256', JWT_PRIVATE_KEY: p256.privateKey }],
    ['for ES384', { JWT_ALGORITHM: 'ES384', JWT_PRIVATE_KEY: p384.privateKey }],
    ['for ES512', { JWT_ALGORITHM: 'ES512', JWT_PRIVATE_KEY: p521.privateKey }],
    ['in production', { NODE_ENV: 'production', JWT_PRIVATE_KEY: rsa.privateKey }],
    [
      'for several RS algorithms',
      { JWT_ALGORITHMS: 'RS256,RS512', JWT_PRIVATE_KEY: rsa.privateKey },
    ],
  ])('accepts a private key %s', (_, env) => {
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
      'a secret shorter than the hash of HS384, under the alias',
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
      `JWT_PRIVATE_KEY has the public exponent 3, but at least 65537 is required; ${rsaRemedy}`,
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
      'a key type that no algorithm supports',
      { JWT_ALGORITHM: 'RS256', JWT_PRIVATE_KEY: ed25519.privateKey },
      `JWT_PRIVATE_KEY is of the kind ed25519, which does not fit RS256; ${rsaRemedy}`,
    ],
    [
      'a public key that belongs to another private key',
      { JWT_ALGORITHM: 'RS256', JWT_PRIVATE_KEY: path, JWT_PUBLIC_KEY: otherRsa.publicKey },
      'JWT_PUBLIC_KEY does not belong to JWT_PRIVATE_KEY; leave it out, or set it to the output of: openssl pkey -in private.pem -pubout.',
    ],
    [
      'a public key in place of the private one',
      { JWT_ALGORITHM: 'RS256', JWT_SECRET: rsa.publicKey },
      `JWT_SECRET is neither the PEM of a private key without a passphrase nor the path of one (it contains none); ${rsaRemedy}`,
    ],
    [
      'a private key in place of the public one',
      { JWT_ALGORITHM: 'RS256', JWT_PRIVATE_KEY: path, JWT_PUBLICKEY: rsa.privateKey },
      `JWT_PUBLICKEY is neither the PEM of a public key without a passphrase nor the path of one (it contains none); leave it out, or set it to the output of: openssl pkey -in private.pem -pubout.`,
    ],
    [
      'a path without a file',
      { JWT_ALGORITHM: 'RS256', JWT_PRIVATE_KEY: join(folder, 'nothing.pem') },
      `JWT_PRIVATE_KEY is neither the PEM of a private key without a passphrase nor the path of one (ENOENT); ${rsaRemedy}`,
    ],
    [
      'an algorithm for key pairs without a private key',
      { JWT_ALGORITHM: 'RS256' },
      `JWT_PRIVATE_KEY is missing; ${rsaRemedy}`,
    ],
    [
      'a private key for an algorithm that takes a secret',
      { JWT_PRIVATE_KEY: path },
      'JWT_PRIVATE_KEY belongs to a key pair, but JWT_ALGORITHM is HS256; set JWT_ALGORITHM to RS256 or ES256, or leave JWT_PRIVATE_KEY out.',
    ],
    [
      'secrets and key pairs mixed among the accepted algorithms',
      { JWT_ALGORITHMS: 'HS256,RS256' },
      'JWT_ALGORITHMS: "RS256" cannot be combined with HS256, which signs: one needs a secret and the other a key pair; leave it out, and use `npm run keys` to change from one to the other.',
    ],
    [
      'key pairs and secrets mixed among the accepted algorithms',
      { JWT_ALGORITHM: 'RS256', JWT_PRIVATE_KEY: path, JWT_ALGORITHMS: 'RS256,HS256' },
      'JWT_ALGORITHMS: "HS256" cannot be combined with RS256, which signs: one needs a secret and the other a key pair; leave it out, and use `npm run keys` to change from one to the other.',
    ],
    [
      'an accepted algorithm that does not fit the key',
      { JWT_ALGORITHM: 'ES256', JWT_PRIVATE_KEY: p256.privateKey, JWT_ALGORITHMS: 'ES256,ES384' },
      'JWT_ALGORITHMS: "ES384" needs another kind of key than ES256, which signs; leave it out, and use `npm run keys` to change from one to the other.',
    ],
    [
      'an unknown accepted algorithm',
      { JWT_SECRET_KEY: SECRET, JWT_ALGORITHMS: 'HS256,none' },
      'JWT_ALGORITHMS: "none" is not supported; use HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384 or ES512.',
    ],
  ])('refuses %s', (_, env, sentence) => {
    expect(problemsOf(env)).toEqual([sentence]);
  });

  it('never repeats a key in an error', () => {
    const broken = rsa.privateKey.replace(/\n.{30}/, '\nsurprise');
    const problems = problemsOf({ JWT_ALGORITHM: 'RS256', JWT_PRIVATE_KEY: broken }).join();
    expect(problems).toContain('JWT_PRIVATE_KEY is neither');
    expect(problems).not.toContain('surprise');
  });

  it('warns of a secret that is not used', () => {
    const env = { JWT_ALGORITHM: 'RS256', JWT_PRIVATE_KEY: path, JWT_SECRET_KEY: SECRET };
    expect(from(env).warnings).toEqual([
      'JWT_SECRET_KEY is not used, because JWT_ALGORITHM is RS256.',
    ]);
  });

  it('requires no configured key in production if the key file exists', () => {
    const env = { NODE_ENV: 'production', JWT_KEYS_FILE: join(folder, 'keys.json') };
    expect(problemsOf(env)).toEqual([
      expect.stringContaining('JWT_SECRET_KEY is required in production'),
    ]);
    writeFileSync(env.JWT_KEYS_FILE, '{}');
    expect(from(env).jwt.key).toBeNull();
  });
});
