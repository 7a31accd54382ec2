import type { IncomingMessage } from 'node:http';
import type { ErrorKind } from '../errors/api-error.js';
import { cookieMissing, tokenMissing } from '../tokens/token-errors.js';

/** Where a route reads its token. */
export interface TokenPlaces {
  /** The name of the header in lower case; null if the token may not be sent in a header. */
  header: string | null;
  /** The name of the cookie; null if the token may not be sent in a cookie. */
  cookie: string | null;
}

/** The error for a request without a token. It names the cookie if the route reads no header. */
export function missingToken({ header, cookie }: TokenPlaces): ErrorKind {
  return header === null && cookie !== null ? cookieMissing(cookie) : tokenMissing;
}

/** A token from a request, not verified yet. */
export interface SentToken {
  signed: string;
  from: 'header' | 'cookie';
}

type Request = { raw: IncomingMessage };

/**
 * The token of a request, or null if it has none. A header takes precedence over a cookie, even if
 * the header is malformed.
 */
export function sentToken(request: Request, { header, cookie }: TokenPlaces): SentToken | null {
  const fromHeader = header === null ? null : headerToken(request, header);
  if (fromHeader !== null) return { signed: fromHeader, from: 'header' };
  const fromCookie = cookie === null ? null : cookieToken(request, cookie);
  return fromCookie === null ? null : { signed: fromCookie, from: 'cookie' };
}

function headerToken(request: Request, name: string): string | null {
  if (name === 'authorization') return bearerToken(request);
  // An empty header holds no token. Repeated headers are joined to a text that never verifies.
  return [request.raw.headers[name] ?? []].flat().join(', ') || null;
}

/**
 * The token of `Authorization: Bearer <token>` (RFC 6750, section 2.1), or null if the request has
 * none. Malformed credentials (two headers, two tokens, no token after the scheme) are returned
 * unchanged, so that verification refuses them.
 */
export function bearerToken(request: Request): string | null {
  const headers = authorizationHeaders(request.raw.rawHeaders);
  if (headers.length === 0) return null;
  const credentials = headers.join(', ');
  // RFC 9110, section 11.1: the scheme is case-insensitive.
  const [, rest] = /^bearer(?: +(.*))?$/i.exec(credentials) ?? [];
  if (rest !== undefined) return rest;
  return headers.length > 1 || /^bearer\b/i.test(credentials) ? credentials : null;
}

/**
 * Optional whitespace around a cookie (RFC 9110, section 5.6.3). `trim` would also remove U+00A0.
 */
const AROUND = /^[ \t]+|[ \t]+$/g;

/**
 * The token in a cookie (RFC 6265, section 5.4), or null if there is no cookie of that name. If the
 * cookie occurs twice, both are returned as one text, which never verifies. Names are compared byte
 * by byte: a sibling domain can set `__host-x`, or `__Host-x` after a byte that is not ASCII, and
 * neither must be taken for `__Host-x`.
 */
function cookieToken({ raw }: Request, name: string): string | null {
  const found = (raw.headers.cookie ?? '')
    .split(';')
    .map((pair) => pair.replaceAll(AROUND, ''))
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  return found.length === 0 ? null : found.join('; ');
}

/**
 * Every `Authorization` header of a request. Node keeps only the first one in `headers`.
 * `headersDistinct` has all of them, but it copies every header, which costs as much as the rest of
 * the check.
 */
export function authorizationHeaders(rawHeaders: readonly string[]): string[] {
  const found: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === 'authorization') found.push(rawHeaders[i + 1] ?? '');
  }
  return found;
}
