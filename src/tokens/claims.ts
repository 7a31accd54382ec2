import { isPlainObject, isText } from '../validation/values.js';
import type { AppConfig } from '../config/app-config.js';
import type { TokenType } from './token-errors.js';

/** The greatest length of an identifier, which is that of the columns. */
const MAX_IDENTIFIER = 255;

/**
 * Says why a token's header must not be trusted, or null where it may. jsonwebtoken checks `alg`
 * and nothing else.
 */
export function refuseHeader(header: Record<string, unknown>): string | null {
  // RFC 7515, section 4.1.11: an extension that is marked critical and not understood.
  if ('crit' in header) return 'crit is not supported';
  // RFC 7797: an unencoded payload, which jsonwebtoken reads as an encoded one.
  if ('b64' in header) return 'b64 is not supported';
  // RFC 7515, section 4.1: a token that brings its own key, or says where to get one.
  const key = ['jwk', 'jku', 'x5c', 'x5u'].find((name) => name in header);
  if (key !== undefined) return `${key} is not supported`;
  const { typ, kid } = header;
  if (kid !== undefined && typeof kid !== 'string') return 'kid is ill-typed';
  if (typ !== undefined && !KNOWN_TYPES.includes(normalType(typ))) return 'typ is not known';
  return null;
}

/**
 * The header `typ` of tokens of each type. That of an access token is the one of RFC 9068, section
 * 2.1. That of a refresh token is our own: other services that check `typ` refuse it.
 */
export const TOKEN_TYPES: Readonly<Record<TokenType, string>> = {
  access: 'at+jwt',
  refresh: 'rt+jwt',
};

const KNOWN_TYPES = ['jwt', ...Object.values(TOKEN_TYPES)];

/**
 * Whether `typ` in the header says that the token is of the other type than its claim `type` does.
 * `JWT`, or no `typ`, says nothing.
 */
export function isOfOtherType({ typ }: Record<string, unknown>, type: TokenType): boolean {
  return normalType(typ) === TOKEN_TYPES[type === 'access' ? 'refresh' : 'access'];
}

/**
 * RFC 7515, section 4.1.9: a media type, without `application/` if no other slash is in it. RFC 2045,
 * section 5.1: it is compared without case.
 */
function normalType(typ: unknown): string {
  return typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : '';
}

/**
 * Says what is wrong with the claims, or null where all of them are there, of the right type and
 * valid at `now`. The signature, `exp`, `iss` and `aud` have been checked by jsonwebtoken, which
 * overlooks what is missing or of the wrong type.
 *
 * `iat` and `nbf` may be ahead of `now` by less than the leeway, for clocks that differ (RFC 7519,
 * section 4.1.5). `exp` has none: a token never lives longer than it says.
 *
 * @param now seconds since 1970, with fractions
 */
export function refuseClaims(
  claims: Record<string, unknown>,
  config: Pick<AppConfig, 'jwtAudience' | 'jwtLeeway'>,
  now: number,
): string | null {
  for (const name of ['sub', 'jti']) {
    if (!isIdentifier(claims[name])) return `${name} is missing or ill-typed`;
  }
  for (const name of ['sid', 'csrf']) {
    if (claims[name] !== undefined && !isIdentifier(claims[name])) return `${name} is ill-typed`;
  }
  for (const name of ['iat', 'nbf', 'exp']) {
    if (!isNumericDate(claims[name])) return `${name} is missing or ill-typed`;
  }
  for (const name of ['iat', 'nbf']) {
    const ahead = (claims[name] as number) - now;
    if (ahead > 0 && ahead >= config.jwtLeeway) return `${name} lies ahead`;
  }
  if ((claims.exp as number) <= now) return 'exp has passed';
  if (config.jwtAudience === null) {
    // RFC 7519, section 4.1.3: a token for others, as this service has no name of its own.
    if (claims.aud !== undefined) return 'aud is there, and no audience is configured';
  } else if (!isAudience(claims.aud)) return 'aud is ill-typed';
  if (claims.type === 'refresh') return null;
  if (claims.type !== 'access') return 'type is missing or unknown';
  if (typeof claims.fresh !== 'boolean') return 'fresh is missing or ill-typed';
  if (!isPlainObject(claims.scope)) return 'scope is missing or ill-typed';
  return null;
}

function isIdentifier(value: unknown): value is string {
  return isText(value) && value.length > 0 && value.length <= MAX_IDENTIFIER;
}

/** What a `Date` can be at the latest; ECMA-262, section 21.4.1.1. */
const MAX_TIMESTAMP = 8.64e12;

/** RFC 7519, section 2: a NumericDate; fractions are allowed. */
function isNumericDate(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_TIMESTAMP;
}

function isAudience(value: unknown): boolean {
  if (Array.isArray(value)) return value.every((each) => typeof each === 'string');
  return typeof value === 'string';
}
