import { createSecretKey, randomUUID } from 'node:crypto';
import jsonwebtoken from 'jsonwebtoken';

export interface RefreshClaims {
  sub: string;
  sid: string;
  jti: string;
  type?: unknown;
  rv?: unknown;
}

export interface AccessClaims extends RefreshClaims {
  /** The role version of the user. */
  rv: number;
}

/** Signs and verifies tokens as the product does, with one key object that is created once. */
export function createTokens(secret: string) {
  const key = createSecretKey(Buffer.from(secret));

  const sign = (claims: object, lifetime: number) => {
    const now = Math.floor(Date.now() / 1000);
    const times = { iat: now, nbf: now, exp: now + lifetime };
    const jti = randomUUID();
    const signed = jsonwebtoken.sign({ ...claims, jti, ...times }, key, { algorithm: 'HS256' });
    return { jti, signed };
  };

  const verify = (header: string | undefined): unknown => {
    if (!header?.startsWith('Bearer ')) return null;
    try {
      const signed = header.slice('Bearer '.length);
      return jsonwebtoken.verify(signed, key, { algorithms: ['HS256'] });
    } catch {
      return null;
    }
  };

  return {
    access: (sub: string, sid: string, rv: number, lifetime: number, { fresh = true } = {}) =>
      sign({ sub, sid, rv, type: 'access', fresh, scope: {} }, lifetime).signed,
    refresh: (sub: string, sid: string, lifetime: number) =>
      sign({ sub, sid, type: 'refresh' }, lifetime),

    /** @returns null if the header holds no valid access token */
    verify: (header: string | undefined): AccessClaims | null => {
      const claims = verify(header);
      return isAccessClaims(claims) ? claims : null;
    },
    /** @returns null if the header holds no valid refresh token */
    verifyRefresh: (header: string | undefined): RefreshClaims | null => {
      const claims = verify(header);
      return isOfSession(claims) && claims.type === 'refresh' ? claims : null;
    },
  };
}

function isOfSession(claims: unknown): claims is RefreshClaims {
  const { sub, sid, jti } = (claims ?? {}) as Record<string, unknown>;
  return [sub, sid, jti].every((each) => typeof each === 'string');
}

function isAccessClaims(claims: unknown): claims is AccessClaims {
  return isOfSession(claims) && claims.type === 'access' && Number.isSafeInteger(claims.rv);
}
