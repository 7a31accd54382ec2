import type { ErrorKind } from '../errors/api-error.js';
import { isPlainObject } from '../validation/values.js';
import {
  claimRequired,
  freshTokenRequired,
  scopeRequired,
  type TokenType,
} from '../tokens/token-errors.js';
import type { Token } from '../tokens/token.js';

/** Stands for the value of the route's parameter of that name; see `param`. */
export class RouteParam {
  constructor(readonly name: string) {}
}

/** Binds a claim to a parameter of the route: `{ claims: { sub: param('id') } }`. */
export function param(name: string): RouteParam {
  return new RouteParam(name);
}

type Place = 'header' | 'cookie';

/** What a route requires of a token. An empty requirement is satisfied by any access token. */
export interface TokenRequirement {
  /** The required type. Default: `access`. */
  type?: TokenType;
  /**
   * Where the token may be sent. Default: the header `Authorization` and, if `TOKEN_COOKIES` is on,
   * the access cookie of a login. `refreshCookie` adds the refresh cookie.
   */
  in?: Place | readonly Place[];
  /** The name of the cookie. Required if `in` contains `cookie`. */
  cookie?: string;
  /**
   * The name of a header that replaces `Authorization` and holds only the token. Without `in`, the
   * token may be sent in this header only.
   */
  header?: string;
  /** Whether the token must come from a login. */
  fresh?: boolean;
  /**
   * Whether an already rotated refresh token is accepted, for routes that handle the reuse
   * themselves.
   */
  allowRotated?: boolean;
  /**
   * Whether the refresh token may also be sent in the refresh cookie of a login, if `TOKEN_COOKIES`
   * is on. Only for routes that refresh or end a session, because browsers send that cookie to
   * every route.
   */
  refreshCookie?: boolean;
  /** What the claim `scope` must contain. */
  scope?: Record<string, unknown>;
  /** Claims that the token must have. */
  claims?: Record<string, unknown>;
  /** A token with this scope and these claims needs neither `scope` nor `claims`. */
  override?: Pick<TokenRequirement, 'scope' | 'claims'>;
}

/** The places that a requirement names; empty if it names none. */
export function placesOf({ in: places, header }: TokenRequirement): readonly Place[] {
  if (places === undefined && header !== undefined) return ['header'];
  return [places ?? []].flat();
}

/** The header that may hold the token, in lower case; null if no header may. */
export function headerOf(requirement: TokenRequirement): string | null {
  const places = placesOf(requirement);
  if (places.length > 0 && !places.includes('header')) return null;
  return requirement.header?.toLowerCase() ?? 'authorization';
}

/** The kind of login cookie that may hold the token; null if no login cookie is read. */
export function loginCookieOf(requirement: TokenRequirement): TokenType | null {
  const { type = 'access', refreshCookie = false } = requirement;
  if (placesOf(requirement).length > 0) return null;
  return type === 'access' || refreshCookie ? type : null;
}

type RouteParams = Record<string, string | undefined>;

/**
 * Returns the error of the first condition that the token does not meet, or null if it meets all.
 */
export function unmetCondition(
  requirement: TokenRequirement,
  token: Token,
  params: RouteParams,
): ErrorKind | null {
  if (requirement.fresh && !token.fresh) return freshTokenRequired;
  const { override } = requirement;
  if (override && firstUnmet(override, token, params) === null) return null;
  return firstUnmet(requirement, token, params);
}

function firstUnmet(
  { scope, claims }: Pick<TokenRequirement, 'scope' | 'claims'>,
  token: Token,
  params: RouteParams,
): ErrorKind | null {
  if (scope && !contains(token.scope, scope, params)) return scopeRequired;
  if (claims && !contains(token.claims, claims, params)) return claimRequired;
  return null;
}

/**
 * Whether `actual` contains `wanted`: an object contains each member, a list contains each item in
 * any order, and other values are equal.
 */
function contains(actual: unknown, wanted: unknown, params: RouteParams): boolean {
  if (wanted instanceof RouteParam) {
    return (
      (typeof actual === 'string' || typeof actual === 'number') &&
      String(actual) === params[wanted.name]
    );
  }
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(actual) &&
      wanted.every((item) => actual.some((each) => contains(each, item, params)))
    );
  }
  if (isPlainObject(wanted)) {
    return (
      isPlainObject(actual) &&
      Object.entries(wanted).every(
        ([name, value]) => Object.hasOwn(actual, name) && contains(actual[name], value, params),
      )
    );
  }
  return actual === wanted;
}
