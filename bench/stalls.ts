import { startProduct } from './own-server.js';
import { credentials } from './scenarios.js';
import type { ServerProcess } from './server-process.js';

const KIB = 1024;
/** Milliseconds that a request may hold up another. */
export const LONGEST_STALL = 50;
const TIMES = 5;

interface HostileRequest {
  name: string;
  method?: 'GET' | 'POST';
  path?: string;
  body?: string;
  headers?: Record<string, string>;
  /** How many are sent at once. */
  atOnce?: number;
}

/** What one kind of hostile request did to the others, in milliseconds. */
export interface Stall {
  name: string;
  status: number;
  /** The longest that another request took meanwhile. */
  longest: number;
}

const ship = {
  affiliation: 'Empire',
  category: 'Capital Ships',
  crew: 1,
  length: 1,
  manufacturer: 'Kuat Drive Yards',
  model: 'Imperial I-class Star Destroyer',
  roles: [] as string[],
  ship_class: 'Star Destroyer',
};
const marks = '\u0300'.repeat(12_000) + '\u0316'.repeat(12_000);
const many = (count: number, item: (index: number) => string, between = ','): string =>
  Array.from({ length: count }, (_, i) => item(i)).join(between);

const spaced = `{${many(900, (i) => `"f${i}" ${' '.repeat(90)}: 1`)}}`;

/** Each as large as it may be, or larger. */
const hostile: readonly HostileRequest[] = [
  { name: '40,000 levels', body: '['.repeat(40_000) + ']'.repeat(40_000) },
  { name: '300,000 elements', body: `[${many(300_000, () => '1')}]` },
  { name: '100 KiB + 1', body: `"${'x'.repeat(100 * KIB - 1)}"` },
  { name: '9,990 roles', body: JSON.stringify({ ...ship, roles: Array(9_990).fill('abcdef') }) },
  {
    name: '900 unknown fields',
    body: `{${many(900, (i) => `"${many(90, () => 'f', '')}${i}":1`)}}`,
  },
  { name: '900 members with white space', body: spaced },
  { name: 'eight of them at once', body: spaced, atOnce: 8 },
  { name: 'a list of large ships', method: 'GET', path: '/api/ships?limit=1000&sort=-id' },
  { name: 'eight of them at once', method: 'GET', path: '/api/ships?sort=-id', atOnce: 8 },
  { name: 'a text of marks', body: JSON.stringify({ ...ship, model: marks }) },
  { name: 'escapes alone', body: `"${'\\u0041'.repeat(17_000)}"` },
  {
    name: 'a name of marks',
    path: '/api/users',
    body: JSON.stringify({ name: marks, password: 'a long way from home' }),
  },
  {
    name: '2,000 query parameters',
    method: 'GET',
    path: `/api/ships?${many(2_000, (i) => `p${i}`, '&')}`,
  },
  {
    name: 'a sort of 12 KiB',
    method: 'GET',
    path: `/api/ships?sort=${many(2_000, () => 'model')}`,
  },
  { name: 'a cursor of 12 KiB', method: 'GET', path: `/api/ships?cursor=${'a'.repeat(12 * KIB)}` },
  { name: 'a path of 12 KiB', method: 'GET', path: `/${'%41/'.repeat(3 * KIB)}` },
  {
    name: 'a token of 12 KiB',
    method: 'GET',
    path: '/auth/me',
    headers: { authorization: `Bearer ${'a.'.repeat(6 * KIB)}` },
  },
  {
    name: 'cookies of 12 KiB',
    method: 'GET',
    headers: { cookie: many(3 * KIB, () => 'a=b', '; ') },
  },
];

/** Sends each of them some times while another client reads one ship again and again. */
export async function measureStalls(folder: string): Promise<Stall[]> {
  const server = await startProduct(folder, 'stalls');
  const token = await logIn(server);
  const large = JSON.stringify({ ...ship, model: 'x'.repeat(100_000) });
  for (let i = 0; i < 100; i++) await sent(server, token, { name: 'a large ship', body: large });
  const stalls = [await stallOf(server, token, { name: 'nothing hostile', method: 'GET' })];
  for (const request of hostile) stalls.push(await stallOf(server, token, request));
  await server.stop();
  return stalls;
}

async function stallOf(
  server: ServerProcess,
  token: string,
  request: HostileRequest,
): Promise<Stall> {
  const { origin } = server;
  let under = true;
  let longest = 0;
  const reading = (async () => {
    while (under) {
      const begin = performance.now();
      await (await fetch(`${origin}/api/ships/1`)).text();
      longest = Math.max(longest, performance.now() - begin);
    }
  })();
  let status = 0;
  for (let i = 0; i < TIMES; i++) {
    const all = Array.from({ length: request.atOnce ?? 1 }, () => sent(server, token, request));
    [status = 0] = await Promise.all(all);
  }
  under = false;
  await reading;
  return { name: request.name, status, longest };
}

async function sent(
  { origin }: ServerProcess,
  token: string,
  { method = 'POST', path = '/api/ships', body, headers }: HostileRequest,
): Promise<number> {
  // A connection that the service hangs up on is an answer, too.
  const response = await fetch(origin + path, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body }),
  }).catch(() => null);
  await response?.text().catch(() => '');
  return response?.status ?? 0;
}

async function logIn({ origin }: ServerProcess): Promise<string> {
  const response = await fetch(`${origin}/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(credentials),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}
