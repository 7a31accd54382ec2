import { createPrivateKey, createSecretKey, generateKeyPairSync, hkdfSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { JWKS_MAX_AGE, thumbprint, tokenKey } from '../../src/keys/token-key.js';

describe('The id of a key', () => {
  it('is the thumbprint of RFC 7638, as in the example of section 3.1', () => {
    const n =
      '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw';
    expect(thumbprint({ kty: 'RSA', n, e: 'AQAB', alg: 'RS256', kid: '2011-04-29' })).toBe(
      'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
    );
  });

  it('is always the same for a secret, and does not reveal a hash of it', () => {
    const key = () => tokenKey(createSecretKey(Buffer.alloc(32, 'a')), 'HS256');
    expect(key().id).toBe(key().id);
    expect(key().id).not.toBe(
      thumbprint({ kty: 'oct', k: Buffer.alloc(32, 'a').toString('base64url') }),
    );
    // Stored seals and issued tokens contain this id.
    expect(key().id).toBe('J66ZpVx170S7FiL9YbDTiuX8zvSvx8MXXnomyaDXQas');
  });
});

describe('tokenKey', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const secret = createSecretKey(Buffer.alloc(32, 'a'));

  it('signs and verifies with a secret, and does not publish it', () => {
    const key = tokenKey(secret, 'HS256', ['HS256', 'HS384']);
    expect(key).toMatchObject({ algorithm: 'HS256', algorithms: ['HS256', 'HS384'], jwk: null });
    expect([key.signing, key.verifying]).toEqual([secret, secret]);
  });

  it('accepts only the algorithm that it signs with by default', () => {
    expect(tokenKey(secret, 'HS256').algorithms).toEqual(['HS256']);
  });

  it('publishes the public half of a private key, with the thumbprint as its id', () => {
    const key = tokenKey(privateKey, 'ES256');
    const members = publicKey.export({ format: 'jwk' });
    const kid = thumbprint(members);
    expect(key).toMatchObject({ id: kid, algorithm: 'ES256', signing: privateKey });
    expect(key.verifying.equals(publicKey)).toBe(true);
    expect(key.jwk).toEqual({ ...members, kid, use: 'sig', alg: 'ES256' });
    expect(key.jwk).not.toHaveProperty('d');
  });

  it('publishes no alg for a key of several algorithms', () => {
    const key = tokenKey(rsa.privateKey, 'RS256', ['RS256', 'RS512']);
    expect(key.jwk).toMatchObject({ kty: 'RSA', use: 'sig' });
    expect(key.jwk).not.toHaveProperty('alg');
    expect(tokenKey(rsa.privateKey, 'RS256').jwk).toMatchObject({ alg: 'RS256' });
  });

  it('computes the thumbprint of an EC key from its four members (RFC 7638, section 3.2)', () => {
    const { kty, crv, x, y } = publicKey.export({ format: 'jwk' }) as Record<string, string>;
    const required = { kty: kty!, crv: crv!, x: x!, y: y! };
    const id = thumbprint(required);
    expect(thumbprint({ kid: 'kid', d: 'd', y: y!, x: x!, crv: crv!, kty: kty! })).toBe(id);
    for (const changed of [{ crv: 'P-384' }, { x: 'x' }, { y: 'y' }, { kty: 'OKP' }]) {
      expect(thumbprint({ ...required, ...changed })).not.toBe(id);
    }
  });

  it('derives the sealing secret from the private part of a key, whatever format it was read in', () => {
    const sealingOf = (bytes: Buffer) =>
      Buffer.from(hkdfSync('sha256', bytes, '', 'nest-rest-jwt sealing', 32));
    expect(tokenKey(secret, 'HS256').sealing).toEqual(sealingOf(secret.export()));
    const sec1 = createPrivateKey(privateKey.export({ type: 'sec1', format: 'pem' }));
    const { d } = privateKey.export({ format: 'jwk' });
    const wanted = sealingOf(Buffer.from(d!, 'base64url'));
    expect(tokenKey(privateKey, 'ES256').sealing).toEqual(wanted);
    expect(tokenKey(sec1, 'ES256').sealing).toEqual(wanted);
  });

  it('lets others cache public keys for five minutes', () => {
    expect(JWKS_MAX_AGE).toBe(300);
  });
});
