import { createHmac, type KeyObject, timingSafeEqual, verify } from 'node:crypto';
import { type JwtAlgorithm, keyKindOf } from '../src/config/jwt-algorithms.js';

/**
 * The cryptographic operation that no check of a token can do without, and nothing else: the
 * token was taken apart and decoded before, and the key is a key object.
 */
export function bareCheck(algorithm: JwtAlgorithm, key: KeyObject, token: string): () => boolean {
  const end = token.lastIndexOf('.');
  const content = Buffer.from(token.slice(0, end));
  const signature = Buffer.from(token.slice(end + 1), 'base64url');
  const hash = `sha${algorithm.slice(2)}`;
  switch (keyKindOf(algorithm)) {
    case 'secret':
      return () => timingSafeEqual(createHmac(hash, key).update(content).digest(), signature);
    case 'rsa':
      return () => verify(hash, content, key, signature);
    case 'ec': {
      // RFC 7518, section 3.4: both numbers one after the other, without ASN.1 around them.
      const publicKey = { key, dsaEncoding: 'ieee-p1363' } as const;
      return () => verify(hash, content, publicKey, signature);
    }
  }
}
