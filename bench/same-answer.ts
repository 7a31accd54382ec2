import assert from 'node:assert/strict';
import { buildRequest, type HttpRequest, type Login } from './http-request.js';
import { credentials, type Scenario } from './scenarios.js';
import type { ServerProcess } from './server-process.js';
import type { Servers } from './servers.js';

type Json = Record<string, unknown> | unknown[];

/**
 * Makes sure that both servers do the same work. Otherwise the ratio would be meaningless.
 *
 * @throws Error if the two servers answer the scenario's request differently
 */
export async function requireSameAnswer(
  scenario: Scenario,
  { product, reference }: Servers,
): Promise<void> {
  const [actual, expected] = await Promise.all(
    [reference, product].map((server) => fetchComparable(scenario, server)),
  );
  assert.deepEqual(
    actual,
    expected,
    `${reference.name} and the product answer ${scenario.path} differently.`,
  );
}

export async function logIn(server: ServerProcess): Promise<Login> {
  const response = await fetch(`${server.origin}/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(credentials),
  });
  if (!response.ok) throw new Error(`${server.name}: POST /auth/login: ${response.status}.`);
  const { access_token: access, refresh_token: refresh } = (await response.json()) as {
    access_token: string;
    refresh_token: string;
  };
  return { access, refresh };
}

/** The request of a scenario; if it is conditional, with the current `ETag`. */
export async function requestFor(scenario: Scenario, server: ServerProcess): Promise<HttpRequest> {
  const login = await logIn(server);
  const request = buildRequest(scenario, login);
  if (!scenario.isConditional) return request;
  const { headers } = await fetch(server.origin + scenario.path, request);
  return buildRequest(scenario, login, headers.get('etag'));
}

/** Sends a request, and returns the parts of the response that must not differ. */
async function fetchComparable(scenario: Scenario, server: ServerProcess) {
  const { origin, name } = server;
  const response = await fetch(origin + scenario.path, await requestFor(scenario, server));
  const text = await response.text();
  const { headers, status, ok } = response;
  if (scenario.status === undefined ? !ok : status !== scenario.status) {
    throw new Error(`${name}: ${scenario.path}: ${status}.`, { cause: text });
  }
  const { volatile = [] } = scenario;
  const location = headers.get('location')?.replace(origin, '');
  return {
    status,
    contentType: headers.get('content-type'),
    cacheControl: headers.get('cache-control'),
    etag: typeof headers.get('etag'),
    location: volatile.includes('id') ? location?.replace(/\d+$/, 'id') : location,
    link: headers.get('link'),
    // Errors of the product have a code and a sentence.
    body: ok && text !== '' ? maskFields(JSON.parse(text) as Json, volatile) : null,
  };
}

/** Replaces the values of these fields by their types. */
function maskFields(body: Json, names: readonly string[]): Json {
  if (Array.isArray(body)) return body;
  const entries = Object.entries(body);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, names.includes(name) ? typeof value : value]),
  );
}
