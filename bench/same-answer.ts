import assert from 'node:assert/strict';
import { buildRequest, type HttpRequest } from './http-request.js';
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
    [reference, product].map(async (server) =>
      fetchComparable(scenario, server, buildRequest(scenario, await logIn(server))),
    ),
  );
  assert.deepEqual(
    actual,
    expected,
    `${reference.name} and the product answer ${scenario.path} differently.`,
  );
}

/** @returns an access token */
export async function logIn(server: ServerProcess): Promise<string> {
  const response = await fetch(`${server.origin}/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(credentials),
  });
  if (!response.ok) throw new Error(`${server.name}: POST /auth/login: ${response.status}.`);
  const { access_token: token } = (await response.json()) as { access_token: string };
  return token;
}

/** Sends a request, and returns the parts of the response that must not differ. */
async function fetchComparable(
  scenario: Scenario,
  { origin, name }: ServerProcess,
  request: HttpRequest,
) {
  const response = await fetch(origin + scenario.path, request);
  const body = (await response.json()) as Json;
  if (!response.ok) {
    throw new Error(`${name}: ${scenario.path}: ${response.status}.`, { cause: body });
  }
  const { headers, status } = response;
  return {
    status,
    contentType: headers.get('content-type'),
    cacheControl: headers.get('cache-control'),
    location: headers.get('location')?.replace(origin, ''),
    link: headers.get('link'),
    body: maskFields(body, scenario.volatile ?? []),
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
