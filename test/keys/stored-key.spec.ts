import * as crypto from 'node:crypto';
import type { JsonWebKey } from 'node:crypto';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { StartError } from '../../src/errors/start-error.js';
import type { JwtAlgorithm } from '../../src/config/jwt-algorithms.js';
import type { StoredKey } from '../../src/keys/stored-key.js';
import { thumbprint } from '../../src/keys/token-key.js';

const { createPublicKey, generateKeyPairSync } = crypto;
const createPrivateKey = jest.fn(crypto.createPrivateKey);
jest.unstable_mockModule('node:crypto', () => ({ ...crypto, createPrivateKey }));
const { generateKey, openStoredKey } = await import('../../src/keys/stored-key.js');

const secret = generateKey('HS256');
const pair = generateKey('ES256');
const newRsa = (publicExponent = 65_537) =>
  generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent }).privateKey.export({
    format: 'jwk',
  });
const [rsa, otherRsa, rsaOfExponent3] = [newRsa(), newRsa(), newRsa(3)];
const remedy = (algorithm: string) =>
  `; remove it from the key file, and create another one with: npm run keys -- add ${algorithm}.`;

function storedAs(jwk: JsonWebKey, alg: string): StoredKey {
  const kid = thumbprint(jwk);
  return { ...jwk, kid, alg: alg as JwtAlgorithm, created_at: '2026-01-01T00:00:00.000Z' };
}

describe('Stored keys', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it.each([
    ['HS256', secret],
    ['ES256', pair],
    ['RS256', storedAs(rsa, 'RS256')],
    ['ES256', { ...pair, use: 'sig', key_ops: ['sign'] }],
    ['HS256', { ...secret, use: 'sig', key_ops: ['verify', 'sign'] }],
  ])('opens a key for %s, and for no other algorithm', (algorithm, stored) => {
    expect(openStoredKey(stored)).toMatchObject({
      ...{ id: stored.kid, algorithm, algorithms: [algorithm] },
    });
  });

  const halves = { ...pair, ...pick(generateKey('ES256'), 'x', 'y') };

  it.each<[string, StoredKey, string]>([
    [
      'has an RSA exponent below 65537',
      storedAs(rsaOfExponent3, 'RS256'),
      `has the public exponent 3, but at least 65537 is required${remedy('RS256')}`,
    ],
    [
      'is for encryption',
      { ...pair, use: 'enc' },
      `is not for signatures, as its \`use\` says${remedy('ES256')}`,
    ],
    [
      'has operations without signing',
      { ...pair, key_ops: ['verify', 'deriveKey'] },
      `is not for signatures, as its \`key_ops\` say${remedy('ES256')}`,
    ],
    [
      'has operations that are not a list',
      { ...pair, key_ops: 'sign' },
      `is not for signatures, as its \`key_ops\` say${remedy('ES256')}`,
    ],
    [
      'is a secret that must not verify',
      { ...secret, key_ops: ['sign'] },
      `is not for signatures, as its \`key_ops\` say${remedy('HS256')}`,
    ],
    [
      'is a secret that must not sign',
      { ...secret, key_ops: ['verify'] },
      `is not for signatures, as its \`key_ops\` say${remedy('HS256')}`,
    ],
    ['has no known algorithm', { ...secret, alg: 'none' as never }, 'has no known algorithm.'],
    ['is too short', { ...secret, k: 'AAAA' }, `has 3 bytes, too few for HS256${remedy('HS256')}`],
    [
      'does not fit its algorithm',
      { ...secret, alg: 'ES256' },
      `is of the kind secret, which does not fit ES256${remedy('ES256')}`,
    ],
    ['has another id', { ...secret, kid: 'other' }, `should have the kid ${secret.kid}.`],
    [
      'is of two halves that differ',
      storedAs(halves, 'ES256'),
      'has a private and a public half that do not match.',
    ],
    [
      'has the RSA modulus of another key',
      storedAs({ ...rsa, ...pick(otherRsa, 'n') }, 'RS256'),
      'has a private and a public half that do not match.',
    ],
    [
      'has a private half that is out of range',
      storedAs({ ...pair, d: 'AA' }, 'ES256'),
      'has a private and a public half that do not match.',
    ],
    [
      'has a private half that is too long',
      storedAs({ ...pair, d: '_'.repeat(400) }, 'ES256'),
      'has a private and a public half that do not match.',
    ],
    [
      'has no private half',
      storedAs(pick(pair, 'kty', 'crv', 'x', 'y'), 'ES256'),
      'is not a private key.',
    ],
    ['is of an unknown type', { ...pair, kty: 'other' }, 'is not a private key.'],
  ])('refuses a key that %s', (_, stored, problem) => {
    expect(() => openStoredKey(stored)).toThrow(
      new StartError(`The stored key ${stored.kid} ${problem}`),
    );
  });

  it.each([pair, storedAs(rsa, 'RS256')])(
    'refuses a key that has two halves but that Node does not import: $alg',
    (stored) => {
      createPrivateKey.mockImplementationOnce(() => {
        throw new TypeError('Invalid JWK');
      });
      expect(() => openStoredKey(stored)).toThrow(
        new StartError(
          `The stored key ${stored.kid} has a private and a public half that do not match.`,
        ),
      );
    },
  );

  it('generates a key with its algorithm, its id and the time', () => {
    jest.useFakeTimers({ now: 0 });
    const made = generateKey('HS512');
    expect(made).toMatchObject({ alg: 'HS512', created_at: '1970-01-01T00:00:00.000Z' });
    expect(openStoredKey(made).id).toBe(made.kid);
  });

  it('generates 64 random bytes for HMAC', () => {
    const { kty, k } = generateKey('HS256');
    expect(kty).toBe('oct');
    expect(Buffer.from(k!, 'base64url')).toHaveLength(64);
    expect(generateKey('HS256').k).not.toBe(k);
  });

  it.each([
    ['ES256', 'P-256'],
    ['ES384', 'P-384'],
    ['ES512', 'P-521'],
  ] as const)('generates a key for %s on the curve %s', (algorithm, crv) => {
    const made = generateKey(algorithm);
    expect(made).toMatchObject({ kty: 'EC', crv, d: expect.any(String) });
    expect(openStoredKey(made).id).toBe(made.kid);
  });

  it('generates 3072 bits for RSA', () => {
    const made = generateKey('RS256');
    const key = createPrivateKey({ key: made, format: 'jwk' });
    expect(createPublicKey(key).asymmetricKeyDetails).toMatchObject({ modulusLength: 3072 });
  });
});

function pick<Name extends keyof JsonWebKey>(jwk: JsonWebKey, ...names: Name[]): JsonWebKey {
  return Object.fromEntries(names.map((name) => [name, jwk[name]]));
}
