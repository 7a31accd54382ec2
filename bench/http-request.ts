import type { Scenario } from './scenarios.js';

/** A request in the form that both `fetch` and autocannon take. */
export interface HttpRequest {
  method: Scenario['method'];
  headers: Record<string, string>;
  body?: string;
}

export function buildRequest(
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
