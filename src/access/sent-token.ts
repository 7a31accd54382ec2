import type { IncomingMessage } from 'node:http';
import type { ErrorKind } from '../errors/api-error.js';
import { cookieMissing, tokenMissing } from '../tokens/token-errors.js';

/** Where a route takes its token from. */
export interface TokenPlaces {
  /** Its name, in lower case; null if the token may not be sent in a header. */
  header: string | null;
  /** Its name; null if the token may not be sent in a cookie. */
  cookie: string | null;
}

/** How a request without a token is refused: it speaks of a cookie where no header is read. */
export function missingToken({ header, cookie }: TokenPlaces): ErrorKind {
  return header === null && cookie !== null ? cookieMissing(cookie) : tokenMissing;
}

/** A token as a request brought it. */
export interface SentToken {
  signed: string;
  from: 'header' | 'cookie';
}

type Request = { raw: IncomingMessage };

/**
 * The token that a request brings, or null where it has none. A header goes before a cookie, and
 * one that is malformed is not replaced by a cookie.
 */
export function sentToken(request: Request, { header, cookie }: TokenPlaces): SentToken | null {
  const sent = header === null ? null : headerToken(request, header);
  if (sent !== null) return { signed: sent, from: 'header' };
  const kept = cookie === null ? null : cookieToken(request, cookie);
  return kept === null ? null : { signed: kept, from: 'cookie' };
}

function headerToken(request: Request, name: string): string | null {
  if (name === 'authorization') return bearerToken(request);
  // An empty one holds no token. Several come back as one text that is no token.
  return [request.raw.headers[name] ?? []].flat().join(', ') || null;
}

/**
 * The token of `Authorization: Bearer <token>` (RFC 6750, section 2.1), or null where the request
 * has none. What is sent but malformed (two headers, two tokens, no token after the scheme) comes
 * back as it is, for the check to refuse: it never falls back to a part of it.
 */
export function bearerToken(request: Request): string | null {
  const headers = authorizationHeaders(request.raw.rawHeaders);
  if (headers.length === 0) return null;
  const credentials = headers.join(', ');
  // RFC 9110, section 11.1: schemes are compared without case.
  const [, rest] = /^bearer(?: +(.*))?$/i.exec(credentials) ?? [];
  if (rest !== undefined) return rest;
  return headers.length > 1 || /^bearer\b/i.test(credentials) ? credentials : null;
}

/** RFC 9110, section 5.6.3: what may stand around a cookie. `trim` would also take U+00A0. */
const AROUND = /^[ \t]+|[ \t]+$/g;

/**
 * The token in a cookie (RFC 6265, section 5.4), or null if there is no cookie of that name. If the
 * cookie occurs twice, both are returned as one text, which never verifies. Names are
 * compared byte by byte: a browser lets a sibling domain set `__host-x`, or `__Host-x` behind a
 * byte that is no ASCII, and must not see them taken for `__Host-x`.
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
 * Node keeps the first of several in `headers`; `headersDistinct` has them all, and costs as much
 * as the rest of the check, since it copies every header.
 */
export function authorizationHeaders(rawHeaders: readonly string[]): string[] {
  const found: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === 'authorization') found.push(rawHeaders[i + 1] ?? '');
  }
  return found;
}
