import { type BenchDatabase, postgresDatabase, sqliteDatabase } from './bench-databases.js';
import { fillWithBooks, fillWithSessions } from './many-rows.js';
import { startProduct } from './own-server.js';
import { Probe } from './probe.js';
import { credentials } from './scenarios.js';
import type { ServerProcess } from './server-process.js';
import { median } from './statistics.js';

const KIB = 1024;
/** Milliseconds that a request may hold up another, beyond what as many cheap requests do. */
export const LONGEST_STALL = 50;
const TIMES = 5;
const WARM_UPS = 5;

interface HostileRequest {
  name: string;
  method?: 'GET' | 'POST' | 'DELETE';
  path?: string;
  body?: string;
  headers?: Record<string, string>;
  /** How many are sent at once. */
  atOnce?: number;
  /** For what can be done only once. */
  once?: true;
}

/** What one kind of hostile request did to the others, in milliseconds. */
export interface Stall {
  name: string;
  status: number;
  /** The longest that another request took meanwhile. Of several at once, the median of rounds. */
  longest: number;
  /** The same while as many cheap requests are sent at once; 0 beside a single request. */
  cheap: number;
}

/** What any request costs others: to be read, checked and answered. */
const cheap = (atOnce: number): HostileRequest => ({
  name: `${atOnce} cheap requests at once`,
  method: 'GET',
  path: '/auth/me',
  atOnce,
});

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

/**
 * Sends each of them some times while another client reads one ship again and again. Requests that
 * arrive together take their turns, however cheap they are. So those are compared, by turns, with as
 * many `GET /auth/me`.
 */
export async function measureStalls(folder: string): Promise<Stall[]> {
  const stalls = await measureHostile(folder);
  stalls.push(...(await measureManyRows(sqliteDatabase(folder), folder)));
  const postgres = await postgresDatabase();
  try {
    if (postgres) stalls.push(...(await measureManyRows(postgres, folder)));
  } finally {
    await postgres?.remove();
  }
  return stalls;
}

/** Requests about very many rows of one user, as users from before the limits may have them. */
async function measureManyRows({ url, settings }: BenchDatabase, folder: string): Promise<Stall[]> {
  const { engine } = settings;
  const server = await startProduct(folder, `many-rows-${engine}`, { url });
  const user = await newUser(server);
  console.error(`${engine}: books and sessions …`);
  await fillWithBooks(settings, user.id, 20_000);
  await fillWithSessions(settings, user.id, 20_000);
  const reader = await newUser(server);
  await fillWithBooks(settings, reader.id, 100);
  const stalls: Stall[] = [];
  const measure = async (request: HostileRequest, others?: Others) => {
    const stall = await stallOf(server, user.token, request, others);
    stalls.push({ ...stall, name: `${engine}: ${request.name}` });
  };
  // Code that has not run yet is slow, and the pool of PostgreSQL has one connection at first.
  for (let i = 0; i < WARM_UPS; i++) await waitDuring(server, reader.token, cheap(100));
  const sorted = '/api/books?sort=publisher,-price';
  const lists = { method: 'GET', path: sorted, atOnce: 100 } as const;
  await measure({ ...lists, name: '100 sorted lists of 20,000 books' });
  await measure(
    { ...lists, name: 'the same, to one sorted list of another' },
    { path: sorted, token: reader.token },
  );
  const sessions = { method: 'GET', path: '/auth/sessions', atOnce: 100 } as const;
  await measure({ ...sessions, name: '100 lists of 20,000 sessions' });
  const end = { method: 'DELETE', path: '/auth/sessions', once: true } as const;
  await measure({ ...end, name: 'ending 20,000 sessions' });
  await fillWithBooks(settings, user.id, 80_000);
  await fillWithSessions(settings, user.id, 20_000);
  const remove = { method: 'DELETE', path: `/api/users/${user.id}`, once: true } as const;
  await measure({ ...remove, name: 'deleting a user with 100,000 books' });
  await server.stop();
  return stalls;
}

async function measureHostile(folder: string): Promise<Stall[]> {
  const server = await startProduct(folder, 'stalls');
  const token = await logIn(server);
  const large = JSON.stringify({ ...ship, roles: Array(99).fill('x'.repeat(1000)) });
  for (let i = 0; i < 100; i++) await sent(server, token, { name: 'a large ship', body: large });
  for (let i = 0; i < WARM_UPS; i++) await waitDuring(server, token, cheap(100));
  const stalls = [await stallOf(server, token, { name: 'nothing hostile', method: 'GET' })];
  for (const request of hostile) stalls.push(await stallOf(server, token, request));
  await server.stop();
  return stalls;
}

/** What another client reads meanwhile, and with which token. */
interface Others {
  path: string;
  token?: string;
}

async function stallOf(
  server: ServerProcess,
  token: string,
  request: HostileRequest,
  others?: Others,
): Promise<Stall> {
  const { name, atOnce = 1 } = request;
  let status = 0;
  const waits: number[] = [];
  const cheapWaits: number[] = [];
  for (let round = 0; round < (request.once ? 1 : TIMES); round++) {
    if (atOnce > 1) cheapWaits.push((await waitDuring(server, token, cheap(atOnce), others)).wait);
    const { wait, ...answer } = await waitDuring(server, token, request, others);
    waits.push(wait);
    ({ status } = answer);
  }
  if (atOnce === 1) return { name, status, longest: Math.max(...waits), cheap: 0 };
  return { name, status, longest: median(waits), cheap: median(cheapWaits) };
}

/** Sends it once, as often at once as it says. */
async function waitDuring(
  server: ServerProcess,
  token: string,
  request: HostileRequest,
  others: Others = { path: '/api/ships/1' },
): Promise<{ status: number; wait: number }> {
  const probe = await Probe.start({ origin: server.origin, ...others });
  const all = Array.from({ length: request.atOnce ?? 1 }, () => sent(server, token, request));
  const [status = 0] = await Promise.all(all);
  return { status, wait: await probe.stop() };
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

async function logIn(server: ServerProcess, user = credentials): Promise<string> {
  const { access_token } = await post<{ access_token: string }>(server, '/auth/login', user);
  return access_token;
}

let users = 0;

async function newUser(server: ServerProcess): Promise<{ id: number; token: string }> {
  const [name, password] = [`user ${++users} of many rows`, 'a long way from home'];
  const { id } = await post<{ id: number }>(server, '/api/users', { name, password });
  return { id, token: await logIn(server, { username: name, password }) };
}

async function post<Body>({ origin }: ServerProcess, path: string, body: object): Promise<Body> {
  const response = await fetch(origin + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await response.json()) as Body;
}
