import { createHmac, type KeyObject, timingSafeEqual, verify } from 'node:crypto';
import { type JwtAlgorithm, keyKindOf } from '../src/config/jwt-algorithms.js';

/**
 * Prepares the cryptographic operation that every token check needs. The returned function does
 * nothing else: the token is split and decoded beforehand, and the key is a key object.
 *
 * @returns a function that says whether the signature is valid
 */
export function prepareSignatureCheck(
  algorithm: JwtAlgorithm,
  key: KeyObject,
  token: string,
): () => boolean {
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
      // RFC 7518, section 3.4: R and S are concatenated, without an ASN.1 structure.
      const publicKey = { key, dsaEncoding: 'ieee-p1363' } as const;
      return () => verify(hash, content, publicKey, signature);
    }
  }
}
