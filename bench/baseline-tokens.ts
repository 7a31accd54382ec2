import { createSecretKey, randomUUID } from 'node:crypto';
import jsonwebtoken from 'jsonwebtoken';

export interface AccessClaims {
  sub: string;
  sid: string;
  jti: string;
  /** The role version of the user. */
  rv: number;
}

/** Signs and verifies tokens as the product does, with one key object that is created once. */
export function createTokens(secret: string) {
  const key = createSecretKey(Buffer.from(secret));

  const sign = (claims: object, lifetime: number): string => {
    const now = Math.floor(Date.now() / 1000);
    const times = { iat: now, nbf: now, exp: now + lifetime };
    return jsonwebtoken.sign({ ...claims, jti: randomUUID(), ...times }, key, {
      algorithm: 'HS256',
    });
  };

  return {
    access: (sub: string, sid: string, rv: number, lifetime: number): string =>
      sign({ sub, sid, rv, type: 'access', fresh: true, scope: {} }, lifetime),
    refresh: (sub: string, sid: string, lifetime: number): string =>
      sign({ sub, sid, type: 'refresh' }, lifetime),

    /** @returns null if the header holds no valid access token */
    verify: (header: string | undefined): AccessClaims | null => {
      if (!header?.startsWith('Bearer ')) return null;
      try {
        const claims = jsonwebtoken.verify(header.slice('Bearer '.length), key, {
          algorithms: ['HS256'],
        });
        return isAccessClaims(claims) ? claims : null;
      } catch {
        return null;
      }
    },
  };
}

function isAccessClaims(claims: unknown): claims is AccessClaims {
  const { type, sub, sid, jti, rv } = claims as Record<string, unknown>;
  const isComplete = [sub, sid, jti].every((each) => typeof each === 'string');
  return isComplete && Number.isSafeInteger(rv) && type === 'access';
}
