import type { IncomingMessage } from 'node:http';

/**
 * The token of `Authorization: Bearer <token>` (RFC 6750, section 2.1), or null where the request
 * has none. What is sent but malformed (two headers, two tokens, no token after the scheme) comes
 * back as it is, for the check to refuse: it never falls back to a part of it.
 */
export function bearerToken(request: { raw: IncomingMessage }): string | null {
  const headers = request.raw.headersDistinct.authorization;
  if (!headers) return null;
  const credentials = headers.join(', ');
  const [, scheme, rest = ''] = /^\s*([^\s]*)\s*(.*)$/s.exec(credentials) ?? [];
  // RFC 9110, section 11.1: schemes are compared without case.
  if (scheme?.toLowerCase() !== 'bearer') return headers.length > 1 ? credentials : null;
  return rest === '' ? credentials : rest;
}
