import type { Scenario } from './scenarios.js';

/** A request in the words of both `fetch` and autocannon. */
export interface HttpRequest {
  method: Scenario['method'];
  headers: Record<string, string>;
  body?: string;
}

export function requestOf(
  { method, body, authenticated }: Scenario,
  accessToken: string,
): HttpRequest {
  return {
    method,
    headers: {
      ...(body && { 'content-type': 'application/json' }),
      ...(authenticated && { authorization: `Bearer ${accessToken}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
  };
}
