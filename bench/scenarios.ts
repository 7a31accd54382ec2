import { crate } from '../test/support/fixture/crates.js';

/** One route that is put under load. */
export interface Scenario {
  /** The name of the scenario for `--only`. */
  name: string;
  method: 'GET' | 'POST' | 'PUT';
  path: string;
  body?: object;
  /** The token that the requests send. A refused one has a wrong signature. */
  token?: 'access' | 'refused' | 'refresh';
  /** Whether the requests name the `ETag` of an earlier response in `If-None-Match`. */
  isConditional?: boolean;
  /** The expected status, if it is not 2xx. */
  status?: number;
  connections: number;
  /** The minimum throughput of the product, as a share of the baseline's throughput. */
  target: number;
  /** Fields of the response that differ between requests. */
  volatile?: readonly string[];
}

/** Names the route of a scenario, and its status if that is not 2xx. */
export function titleOf({ method, path, status }: Scenario): string {
  return `${method} ${path}${status === undefined ? '' : `: ${status}`}`;
}

/** The first of the users that the product has. */
export const credentials = { username: 'user', password: 'password' };

/** Targets on PostgreSQL, where most of the time is that of the server and of its connection. */
const POSTGRES_TARGETS = { reads: 0.8, writes: 0.9 };

/** A scenario with its target on PostgreSQL, where both sides create their rows in one table. */
export function onPostgres(scenario: Scenario): Scenario {
  const kind = scenario.method === 'GET' ? 'reads' : 'writes';
  const volatile = [...(scenario.volatile ?? []), ...(scenario.method === 'POST' ? ['id'] : [])];
  return { ...scenario, target: POSTGRES_TARGETS[kind], volatile };
}

/** Few enough that the figures show the cost of a request, and enough that it never waits for the load. */
const CONNECTIONS = 10;

/** The order matters: the reads must see the example crates, before `create-crate` adds others. */
export const scenarios: readonly Scenario[] = [
  { name: 'crate', ...get('/api/crates/1'), target: 0.8 },
  { name: 'crate-304', ...get('/api/crates/1'), isConditional: true, status: 304, target: 0.9 },
  { name: 'crates', ...get('/api/crates'), target: 0.9 },
  { name: 'me', ...get('/auth/me'), token: 'access', target: 1 },
  { name: 'refused', ...get('/auth/me'), token: 'refused', status: 401, target: 0.9 },
  // Answers that follow show what these write.
  { name: 'create-crate', ...post('/api/crates', crate), token: 'access', target: 1.3 },
  {
    name: 'replace-crate',
    ...{ method: 'PUT', path: '/api/crates/2', body: crate, token: 'access' },
    ...{ connections: CONNECTIONS, target: 1 },
  },
  { name: 'scrolls', ...get('/api/scrolls'), token: 'access', target: 0.85 },
  {
    name: 'login',
    ...post('/auth/login', credentials),
    // Four connections keep the cores busy with hashing. More would only measure the queue.
    connections: 4,
    target: 0.95,
    volatile: ['access_token', 'refresh_token'],
  },
  {
    name: 'refresh',
    ...post('/auth/refresh'),
    token: 'refresh',
    target: 0.85,
    volatile: ['access_token', 'refresh_token'],
  },
];

function get(path: string) {
  return { method: 'GET', path, connections: CONNECTIONS } as const;
}

function post(path: string, body?: object) {
  return { method: 'POST', path, connections: CONNECTIONS, ...(body && { body }) } as const;
}
