import assert from 'node:assert/strict';
import { type HttpRequest, requestOf } from './http-request.js';
import { credentials, type Scenario } from './scenarios.js';
import type { ServerProcess } from './server-process.js';

type Json = Record<string, unknown> | unknown[];

/**
 * A floor that answers something else does other work, and the ratio would mean nothing.
 *
 * @throws Error where the two servers answer the scenario's request differently
 */
export async function requireSameAnswer(
  scenario: Scenario,
  product: ServerProcess,
  floor: ServerProcess,
): Promise<void> {
  const [ours, theirs] = await Promise.all(
    [product, floor].map(async (server) =>
      comparable(scenario, server, requestOf(scenario, await logIn(server))),
    ),
  );
  assert.deepEqual(theirs, ours, `The floor answers ${scenario.path} unlike the product.`);
}

/** @returns an access token */
export async function logIn(server: ServerProcess): Promise<string> {
  const response = await fetch(`${server.origin}/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(credentials),
  });
  if (!response.ok) throw new Error(`${server.name}: the login answers ${response.status}.`);
  const { access_token: token } = (await response.json()) as { access_token: string };
  return token;
}

async function comparable(scenario: Scenario, { origin, name }: ServerProcess, to: HttpRequest) {
  const response = await fetch(origin + scenario.path, to);
  const body = (await response.json()) as Json;
  if (!response.ok) {
    throw new Error(`${name}: ${scenario.path} answers ${response.status}.`, { cause: body });
  }
  const { headers, status } = response;
  return {
    status,
    contentType: headers.get('content-type'),
    cacheControl: headers.get('cache-control'),
    location: headers.get('location')?.replace(origin, ''),
    link: headers.get('link'),
    body: withoutVolatile(body, scenario.volatile ?? []),
  };
}

function withoutVolatile(body: Json, names: readonly string[]): Json {
  if (Array.isArray(body)) return body;
  const entries = Object.entries(body);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, names.includes(name) ? typeof value : value]),
  );
}
