import type { IncomingMessage } from 'node:http';

/**
 * The token of `Authorization: Bearer <token>` (RFC 6750, section 2.1), or null where the request
 * has none. What is sent but malformed (two headers, two tokens, no token after the scheme) comes
 * back as it is, for the check to refuse: it never falls back to a part of it.
 */
export function bearerToken(request: { raw: IncomingMessage }): string | null {
  const headers = authorizationHeaders(request.raw.rawHeaders);
  if (headers.length === 0) return null;
  const credentials = headers.join(', ');
  // RFC 9110, section 11.1: schemes are compared without case.
  const [, rest] = /^bearer(?: +(.*))?$/i.exec(credentials) ?? [];
  if (rest !== undefined) return rest;
  return headers.length > 1 || /^bearer\b/i.test(credentials) ? credentials : null;
}

/**
 * Node keeps the first of several in `headers`; `headersDistinct` has them all, and costs as much
 * as the rest of the check, since it copies every header.
 */
function authorizationHeaders(rawHeaders: readonly string[]): string[] {
  const found: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === 'authorization') found.push(rawHeaders[i + 1] ?? '');
  }
  return found;
}
