import { createSecretKey, randomUUID } from 'node:crypto';
import jsonwebtoken from 'jsonwebtoken';

export interface AccessClaims {
  sub: string;
  sid: string;
  jti: string;
}

/** Signs and verifies as the product does, with one key object that is made once. */
export function makeTokens(secret: string) {
  const key = createSecretKey(Buffer.from(secret));

  const sign = (claims: object, lifetime: number): string => {
    const now = Math.floor(Date.now() / 1000);
    const moments = { iat: now, nbf: now, exp: now + lifetime };
    return jsonwebtoken.sign({ ...claims, jti: randomUUID(), ...moments }, key, {
      algorithm: 'HS256',
    });
  };

  return {
    access: (sub: string, sid: string, lifetime: number): string =>
      sign({ sub, sid, type: 'access', fresh: true, scope: {} }, lifetime),
    refresh: (sub: string, sid: string, lifetime: number): string =>
      sign({ sub, sid, type: 'refresh' }, lifetime),

    /** @returns null where it is no valid access token */
    verify: (header: string | undefined): AccessClaims | null => {
      if (!header?.startsWith('Bearer ')) return null;
      try {
        const claims = jsonwebtoken.verify(header.slice('Bearer '.length), key, {
          algorithms: ['HS256'],
        });
        return isAccess(claims) ? claims : null;
      } catch {
        return null;
      }
    },
  };
}

function isAccess(claims: unknown): claims is AccessClaims {
  const { type, sub, sid, jti } = claims as Record<string, unknown>;
  return [sub, sid, jti].every((each) => typeof each === 'string') && type === 'access';
}
