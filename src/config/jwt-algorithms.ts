import type { KeyObject } from 'node:crypto';

/** RFC 7518, section 3.1: HMAC with a secret, RSASSA-PKCS1-v1_5 and ECDSA with a key pair. */
export const JWT_ALGORITHMS = [
  ...(['HS256', 'HS384', 'HS512'] as const),
  ...(['RS256', 'RS384', 'RS512'] as const),
  ...(['ES256', 'ES384', 'ES512'] as const),
];
export type JwtAlgorithm = (typeof JWT_ALGORITHMS)[number];

/** The curve of each algorithm, by its name in OpenSSL (RFC 7518, section 3.4). */
export const CURVES = { ES256: 'prime256v1', ES384: 'secp384r1', ES512: 'secp521r1' } as const;

/** The minimum size of an RSA key (RFC 7518, section 3.3). */
const MIN_RSA_BITS = 2048;
/** NIST FIPS 186-5, appendix A.1.1: an exponent is larger than 2^16. */
const MIN_RSA_EXPONENT = 65_537n;

/** The kind of key that the algorithm signs with. */
export function keyKindOf(algorithm: JwtAlgorithm): 'secret' | 'rsa' | 'ec' {
  if (algorithm.startsWith('HS')) return 'secret';
  return algorithm.startsWith('RS') ? 'rsa' : 'ec';
}

/** RFC 7518, section 3.2: a secret has at least as many bytes as the hash. */
export function minSecretBytes(algorithm: JwtAlgorithm): number {
  return Number(algorithm.slice(2)) / 8;
}

/**
 * The minimum number of different bytes in a secret. Of random secrets of 32 hexadecimal digits, one
 * in 28 million has fewer.
 */
const MIN_DISTINCT_BYTES = 8;

/**
 * Returns why a long secret can be guessed, as the end of a sentence: it is made of few different
 * bytes, or of a repeated part. Null does not mean that the secret is random.
 */
export function weakSecretError(secret: Uint8Array): string | null {
  const distinct = new Set(secret).size;
  if (distinct < MIN_DISTINCT_BYTES) {
    return `is made of ${distinct} different ${distinct === 1 ? 'byte' : 'bytes'}, and can be guessed`;
  }
  const half = Math.floor(secret.length / 2);
  for (let period = MIN_DISTINCT_BYTES; period <= half; period++) {
    if (secret.every((byte, i) => i < period || byte === secret[i - period])) {
      return `repeats its first ${period} bytes, and can be guessed`;
    }
  }
  return null;
}

/** Returns why a key does not fit an algorithm, as the end of a sentence; null if it does. */
export function keyMismatch(key: KeyObject, algorithm: JwtAlgorithm): string | null {
  const { asymmetricKeyType: type = 'secret', asymmetricKeyDetails: details = {} } = key;
  const wanted = keyKindOf(algorithm);
  if (type === 'secret' && wanted === 'secret') {
    const bytes = key.symmetricKeySize ?? 0;
    return bytes < minSecretBytes(algorithm)
      ? `has ${bytes} bytes, too few for ${algorithm}`
      : null;
  }
  if (type === 'rsa' && wanted === 'rsa') {
    const bits = details.modulusLength ?? 0;
    if (bits < MIN_RSA_BITS) return `has ${bits} bits, too few for ${algorithm}`;
    const exponent = details.publicExponent ?? 0n;
    if (exponent >= MIN_RSA_EXPONENT) return null;
    return `has the public exponent ${exponent}, but at least ${MIN_RSA_EXPONENT} is required`;
  }
  if (type === 'ec' && wanted === 'ec') {
    const curve = details.namedCurve ?? 'an unknown curve';
    const fits = curve === CURVES[algorithm as keyof typeof CURVES];
    return fits ? null : `is on ${curve}, which does not fit ${algorithm}`;
  }
  return `is of the kind ${type}, which does not fit ${algorithm}`;
}

/** Returns how to create a valid key, as the end of a sentence. */
export function remedyFor(algorithm: JwtAlgorithm): string {
  const kind = keyKindOf(algorithm);
  if (kind === 'secret') {
    const bytes = minSecretBytes(algorithm);
    return `set it to at least ${bytes} random bytes, for example from: openssl rand -base64 ${bytes * 1.5}`;
  }
  const options =
    kind === 'rsa'
      ? `RSA -pkeyopt rsa_keygen_bits:${MIN_RSA_BITS}`
      : `EC -pkeyopt ec_paramgen_curve:${CURVES[algorithm as keyof typeof CURVES]}`;
  return `set it to the PEM, or the path, of a key made by: openssl genpkey -algorithm ${options} -out private.pem`;
}
