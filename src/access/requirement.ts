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
  /** `access` where it is left out. */
  type?: TokenType;
  /**
   * Where the token may be sent. Left out, it is the header `Authorization`, and, if the setting
   * `TOKEN_COOKIES` is on, the access cookie of a login; see `refreshCookie` for the other one.
   */
  in?: Place | readonly Place[];
  /** The name of the cookie, where `in` has one. */
  cookie?: string;
  /**
   * The name of a header that holds the token and nothing else, in place of `Authorization`. Named
   * alone, it is the one place where the token may be sent.
   */
  header?: string;
  /** Only a token that comes from a login. */
  fresh?: boolean;
  /** Refresh tokens: accepts an already rotated one, for routes that handle the reuse themselves. */
  allowRotated?: boolean;
  /**
   * Of refresh tokens, also the one in the refresh cookie of a login, if `TOKEN_COOKIES` is on: for
   * the routes that refresh or end a session. Browsers send that cookie to every route.
   */
  refreshCookie?: boolean;
  /** What the claim `scope` must contain. */
  scope?: Record<string, unknown>;
  /** Claims that the token must have. */
  claims?: Record<string, unknown>;
  /** A token with this scope or these claims passes without `scope` and `claims`. */
  override?: Pick<TokenRequirement, 'scope' | 'claims'>;
}

/** The places of a requirement; empty where it names none. */
export function placesOf({ in: places, header }: TokenRequirement): readonly Place[] {
  if (places === undefined && header !== undefined) return ['header'];
  return [places ?? []].flat();
}

/** The header that may hold the token, in lower case; null if the token may not be sent in a header. */
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

/** What the token lacks, or null where it has all that is asked. */
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
  if (scope && !holds(token.scope, scope, params)) return scopeRequired;
  if (claims && !holds(token.claims, claims, params)) return claimRequired;
  return null;
}

/** An object is held in an object, a list is a subset of a list, anything else is equal. */
function holds(actual: unknown, wanted: unknown, params: RouteParams): boolean {
  if (wanted instanceof RouteParam) {
    return (
      (typeof actual === 'string' || typeof actual === 'number') &&
      String(actual) === params[wanted.name]
    );
  }
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(actual) &&
      wanted.every((item) => actual.some((each) => holds(each, item, params)))
    );
  }
  if (isPlainObject(wanted)) {
    return (
      isPlainObject(actual) &&
      Object.entries(wanted).every(
        ([name, value]) => Object.hasOwn(actual, name) && holds(actual[name], value, params),
      )
    );
  }
  return actual === wanted;
}
