import { createPrivateKey, createPublicKey } from 'node:crypto';
import { existsSync } from 'node:fs';

export function isPem(value: string): boolean {
  return value.includes('-----BEGIN ');
}

/**
 * Whether the value is meant for JWT_PRIVATE_KEY or JWT_PUBLIC_KEY: a PEM or DER, also in base64, a
 * JWK, or a path.
 */
export function isKeyOfPair(value: string): boolean {
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
