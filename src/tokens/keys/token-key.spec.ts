import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { thumbprint, tokenKey } from './token-key.js';

describe('The id of a key', () => {
  it('is the thumbprint of the example in RFC 7638, section 3.1', () => {
    const n =
      '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw';
    expect(thumbprint({ kty: 'RSA', n, e: 'AQAB', alg: 'RS256', kid: '2011-04-29' })).toBe(
      'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
    );
  });

  it('of a secret is always the same, and no hash of it', () => {
    const key = () => tokenKey(createSecretKey(Buffer.alloc(32, 'a')), 'HS256');
    expect(key().id).toBe(key().id);
    expect(key().id).not.toBe(
      thumbprint({ kty: 'oct', k: Buffer.alloc(32, 'a').toString('base64url') }),
    );
    expect(key().jwk).toBeNull();
  });
});
