import { crate } from '../test/support/fixture/crates.js';
import { type BenchDatabase, postgresDatabase, sqliteDatabase } from './bench-databases.js';
import { fillWithScrolls, fillWithSessions } from './many-rows.js';
import { startProduct } from './product-server.js';
import { Probe, type ProbeOptions } from './probe.js';
import { credentials } from './scenarios.js';
import type { ServerProcess } from './server-process.js';
import { median } from './statistics.js';

const KIB = 1024;
/** The maximum delay in milliseconds, beyond that of the same number of cheap requests. */
export const MAX_STALL = 50;
const ROUNDS = 5;
const WARM_UPS = 5;

interface HostileRequest {
  name: string;
  method?: 'GET' | 'POST' | 'DELETE';
  path?: string;
  body?: string;
  headers?: Record<string, string>;
  /** The number of requests that are sent at the same time. */
  concurrency?: number;
  /** Set for a request that works only once. */
  once?: true;
}

/** How long one kind of hostile request delays the requests of another client, in milliseconds. */
export interface Stall {
  name: string;
  status: number;
  /**
   * The longest response time of the other client: the maximum of all rounds for a single hostile
   * request, and the median of the rounds for concurrent ones.
   */
  longest: number;
  /** The same during as many concurrent cheap requests; 0 for a single hostile request. */
  cheap: number;
}

/** Requests that only cost what any request costs: it has to be read, checked and answered. */
const cheapRequests = (concurrency: number): HostileRequest => ({
  name: `${concurrency} cheap requests at once`,
  method: 'GET',
  path: '/auth/me',
  concurrency,
});

const combiningMarks = '\u0300'.repeat(12_000) + '\u0316'.repeat(12_000);
const repeat = (count: number, item: (index: number) => string, separator = ','): string =>
  Array.from({ length: count }, (_, i) => item(i)).join(separator);

const spacedMembers = `{${repeat(900, (i) => `"f${i}" ${' '.repeat(90)}: 1`)}}`;

/** Each request is as large as the service allows, or larger. */
const hostileRequests: readonly HostileRequest[] = [
  { name: '40,000 nesting levels', body: '['.repeat(40_000) + ']'.repeat(40_000) },
  { name: '300,000 elements', body: `[${repeat(300_000, () => '1')}]` },
  { name: '100 KiB + 1', body: `"${'x'.repeat(100 * KIB - 1)}"` },
  { name: '9,990 tags', body: JSON.stringify({ ...crate, tags: Array(9_990).fill('abcdef') }) },
  {
    name: '900 unknown fields',
    body: `{${repeat(900, (i) => `"${repeat(90, () => 'f', '')}${i}":1`)}}`,
  },
  { name: '900 members with white space', body: spacedMembers },
  { name: '900 members with white space, eight at once', body: spacedMembers, concurrency: 8 },
  { name: 'a list of large crates', method: 'GET', path: '/api/crates?limit=1000&sort=-id' },
  {
    name: 'a list of large crates, eight at once',
    method: 'GET',
    path: '/api/crates?sort=-id',
    concurrency: 8,
  },
  { name: 'a label of combining marks', body: JSON.stringify({ ...crate, label: combiningMarks }) },
  { name: 'a string of escapes', body: `"${'\\u0041'.repeat(17_000)}"` },
  {
    name: 'a user name of combining marks',
    path: '/api/users',
    body: JSON.stringify({ name: combiningMarks, password: 'a long way from home' }),
  },
  {
    name: '2,000 query parameters',
    method: 'GET',
    path: `/api/crates?${repeat(2_000, (i) => `p${i}`, '&')}`,
  },
  {
    name: 'a sort parameter of 12 KiB',
    method: 'GET',
    path: `/api/crates?sort=${repeat(2_000, () => 'label')}`,
  },
  { name: 'a cursor of 12 KiB', method: 'GET', path: `/api/crates?cursor=${'a'.repeat(12 * KIB)}` },
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
    headers: { cookie: repeat(3 * KIB, () => 'a=b', '; ') },
  },
];

/**
 * Sends each hostile request several times, while another client requests one crate repeatedly.
 * Concurrent requests delay others even if they are cheap. They are therefore compared, in turns,
 * with the same number of concurrent `GET /auth/me`.
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

/** Measures requests about very many rows of a user. Old users may exceed the current limits. */
async function measureManyRows({ url, settings }: BenchDatabase, folder: string): Promise<Stall[]> {
  const { engine } = settings;
  const server = await startProduct(folder, `many-rows-${engine}`, { url });
  const user = await registerUser(server);
  console.error(`${engine}: adding scrolls and sessions …`);
  await fillWithScrolls(settings, user.id, 20_000);
  await fillWithSessions(settings, user.id, 20_000);
  const reader = await registerUser(server);
  await fillWithScrolls(settings, reader.id, 100);
  const stalls: Stall[] = [];
  const measure = async (request: HostileRequest, target?: ProbeTarget) => {
    const stall = await measureStall(server, user.token, request, target);
    stalls.push({ ...stall, name: `${engine}: ${request.name}` });
  };
  // Code is slow before it is compiled, and the PostgreSQL pool starts with one connection.
  for (let i = 0; i < WARM_UPS; i++) {
    await measureDelay(server, reader.token, cheapRequests(100));
  }
  const sorted = '/api/scrolls?sort=topic,-priority';
  const lists = { method: 'GET', path: sorted, concurrency: 100 } as const;
  await measure({ ...lists, name: '100 sorted lists of 20,000 scrolls' });
  await measure(
    { ...lists, name: '100 sorted lists of 20,000 scrolls: delay of another sorted list' },
    { path: sorted, token: reader.token },
  );
  const sessions = { method: 'GET', path: '/auth/sessions', concurrency: 100 } as const;
  await measure({ ...sessions, name: '100 lists of 20,000 sessions' });
  const end = { method: 'DELETE', path: '/auth/sessions', once: true } as const;
  await measure({ ...end, name: 'ending 20,000 sessions' });
  await fillWithScrolls(settings, user.id, 80_000);
  await fillWithSessions(settings, user.id, 20_000);
  const remove = { method: 'DELETE', path: `/api/users/${user.id}`, once: true } as const;
  await measure({ ...remove, name: 'deleting a user with 100,000 scrolls' });
  await server.stop();
  return stalls;
}

async function measureHostile(folder: string): Promise<Stall[]> {
  const server = await startProduct(folder, 'stalls');
  const token = await logIn(server);
  const large = JSON.stringify({ ...crate, tags: Array(99).fill('x'.repeat(1000)) });
  for (let i = 0; i < 100; i++) await send(server, token, { name: 'a large crate', body: large });
  for (let i = 0; i < WARM_UPS; i++) await measureDelay(server, token, cheapRequests(100));
  const stalls = [await measureStall(server, token, { name: 'nothing hostile', method: 'GET' })];
  for (const request of hostileRequests) stalls.push(await measureStall(server, token, request));
  await server.stop();
  return stalls;
}

/** What the other client requests. */
type ProbeTarget = Omit<ProbeOptions, 'origin'>;

async function measureStall(
  server: ServerProcess,
  token: string,
  request: HostileRequest,
  target?: ProbeTarget,
): Promise<Stall> {
  const { name, concurrency = 1 } = request;
  let status = 0;
  const delays: number[] = [];
  const cheapDelays: number[] = [];
  for (let round = 0; round < (request.once ? 1 : ROUNDS); round++) {
    if (concurrency > 1) {
      const cheap = await measureDelay(server, token, cheapRequests(concurrency), target);
      cheapDelays.push(cheap.delay);
    }
    const { delay, ...response } = await measureDelay(server, token, request, target);
    delays.push(delay);
    ({ status } = response);
  }
  if (concurrency === 1) return { name, status, longest: Math.max(...delays), cheap: 0 };
  return { name, status, longest: median(delays), cheap: median(cheapDelays) };
}

/** Sends the concurrent requests once, and measures the longest response time of a probe. */
async function measureDelay(
  server: ServerProcess,
  token: string,
  request: HostileRequest,
  target: ProbeTarget = { path: '/api/crates/1' },
): Promise<{ status: number; delay: number }> {
  const probe = await Probe.start({ origin: server.origin, ...target });
  const all = Array.from({ length: request.concurrency ?? 1 }, () => send(server, token, request));
  const [status = 0] = await Promise.all(all);
  return { status, delay: await probe.stop() };
}

/** @returns the status, or 0 if the service closes the connection */
async function send(
  { origin }: ServerProcess,
  token: string,
  { method = 'POST', path = '/api/crates', body, headers }: HostileRequest,
): Promise<number> {
  // The service may also answer a hostile request by closing the connection.
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

async function registerUser(server: ServerProcess): Promise<{ id: number; token: string }> {
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
