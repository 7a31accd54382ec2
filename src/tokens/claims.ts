import { isPlainObject, isText } from '../validation/values.js';
import type { AppConfig } from '../config/app-config.js';
import type { TokenType } from './token-errors.js';

/** The maximum length of an identifier, which is that of the database columns. */
const MAX_IDENTIFIER = 255;

/** The largest value of an integer column. */
const MAX_ROLE_VERSION = 2 ** 31 - 1;

/**
 * Returns why the header of a token is refused, or null if it is accepted. jsonwebtoken only checks
 * `alg`.
 */
export function refuseHeader(header: Record<string, unknown>): string | null {
  // RFC 7515, section 4.1.11: an extension that is marked as critical and not supported.
  if ('crit' in header) return 'crit is not supported';
  // RFC 7797: an unencoded payload, which jsonwebtoken would read as an encoded one.
  if ('b64' in header) return 'b64 is not supported';
  // RFC 7515, section 4.1: a token that contains its own key, or a link to one.
  const key = ['jwk', 'jku', 'x5c', 'x5u'].find((name) => name in header);
  if (key !== undefined) return `${key} is not supported`;
  const { typ, kid } = header;
  if (kid !== undefined && typeof kid !== 'string') return 'kid is ill-typed';
  if (typ !== undefined && !KNOWN_TYPES.includes(normalizeType(typ))) return 'typ is not known';
  return null;
}

/**
 * The header `typ` of each type of token. `at+jwt` is that of RFC 9068, section 2.1. `rt+jwt` is
 * our own, so that other services that check `typ` refuse refresh tokens.
 */
export const TOKEN_TYPES: Readonly<Record<TokenType, string>> = {
  access: 'at+jwt',
  refresh: 'rt+jwt',
};

const KNOWN_TYPES = ['jwt', ...Object.values(TOKEN_TYPES)];

/** Whether the header `typ` contradicts the claim `type`. `JWT`, or no `typ`, fits both types. */
export function isOfOtherType({ typ }: Record<string, unknown>, type: TokenType): boolean {
  return normalizeType(typ) === TOKEN_TYPES[type === 'access' ? 'refresh' : 'access'];
}

/**
 * Normalizes `typ`, which is a media type: it may have no `application/` (RFC 7515, section 4.1.9),
 * and its case does not matter (RFC 2045, section 5.1).
 */
function normalizeType(typ: unknown): string {
  return typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : '';
}

/**
 * Returns what is wrong with the claims, or null if all of them are present, of the right type and
 * valid at `now`. jsonwebtoken has checked the signature, `exp`, `iss` and `aud`, but it accepts
 * claims that are missing or of the wrong type.
 *
 * `iat` and `nbf` may be ahead of `now` by less than the leeway, because clocks differ (RFC 7519,
 * section 4.1.5). `exp` has no leeway.
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
  if (claims.rv !== undefined && !isRoleVersion(claims.rv)) return 'rv is ill-typed';
  for (const name of ['iat', 'nbf', 'exp']) {
    if (!isNumericDate(claims[name])) return `${name} is missing or ill-typed`;
  }
  for (const name of ['iat', 'nbf']) {
    const ahead = (claims[name] as number) - now;
    if (ahead > 0 && ahead >= config.jwtLeeway) return `${name} is in the future`;
  }
  if ((claims.exp as number) <= now) return 'exp has passed';
  if (config.jwtAudience === null) {
    // RFC 7519, section 4.1.3: the token is for another service, because no audience names this
    // one.
    if (claims.aud !== undefined) return 'aud is present, but no audience is configured';
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

function isRoleVersion(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_ROLE_VERSION;
}

/** The latest time that a `Date` can hold, in seconds (ECMA-262, section 21.4.1.1). */
const MAX_TIMESTAMP = 8.64e12;

/** RFC 7519, section 2: a NumericDate; fractions are allowed. */
function isNumericDate(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_TIMESTAMP;
}

function isAudience(value: unknown): boolean {
  if (Array.isArray(value)) return value.every((each) => typeof each === 'string');
  return typeof value === 'string';
}
