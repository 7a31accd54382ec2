import type { Scenario } from './scenarios.js';

/** The tokens of a login. */
export interface Login {
  access: string;
  refresh: string;
}

/** A request in the form that both `fetch` and autocannon take. */
export interface HttpRequest {
  method: Scenario['method'];
  headers: Record<string, string>;
  body?: string;
}

/** @param etag for a conditional request, the `ETag` of the response to the same request without it */
export function buildRequest(
  { method, body, token }: Scenario,
  login: Login,
  etag: string | null = null,
): HttpRequest {
  return {
    method,
    headers: {
      ...(body && { 'content-type': 'application/json' }),
      ...(token && { authorization: `Bearer ${tokenOf(token, login)}` }),
      ...(etag !== null && { 'if-none-match': etag }),
    },
    ...(body && { body: JSON.stringify(body) }),
  };
}

function tokenOf(token: NonNullable<Scenario['token']>, { access, refresh }: Login): string {
  if (token === 'refresh') return refresh;
  // The signature begins with another character.
  return token === 'access'
    ? access
    : access.replace(/\.(.)([^.]*)$/, (_, first, rest) => `.${first === 'A' ? 'B' : 'A'}${rest}`);
}
