import { crate } from '../test/support/fixture/crates.js';

/** One route that is put under load. */
export interface Scenario {
  /** The name of the scenario for `--only`. */
  name: string;
  method: 'GET' | 'POST';
  path: string;
  body?: object;
  authenticated: boolean;
  connections: number;
  /** The minimum throughput of the product, as a share of the baseline's throughput. */
  target: number;
  /** Fields of the response that differ between requests. */
  volatile?: readonly string[];
}

/** The first of the users that the product has. */
export const credentials = { username: 'user', password: 'password' };

/** The order matters: the reads must see the example crates, before `create-crate` adds others. */
export const scenarios: readonly Scenario[] = [
  {
    name: 'crates',
    method: 'GET',
    path: '/api/crates',
    authenticated: false,
    connections: 10,
    target: 0.5,
  },
  {
    name: 'crate',
    method: 'GET',
    path: '/api/crates/1',
    authenticated: false,
    connections: 10,
    target: 0.5,
  },
  {
    name: 'me',
    method: 'GET',
    path: '/auth/me',
    authenticated: true,
    connections: 10,
    target: 0.5,
  },
  {
    name: 'create-crate',
    method: 'POST',
    path: '/api/crates',
    body: crate,
    authenticated: true,
    connections: 10,
    target: 0.6,
  },
  {
    name: 'login',
    method: 'POST',
    path: '/auth/login',
    body: credentials,
    authenticated: false,
    // Four connections keep the cores busy with hashing. More would only measure the queue.
    connections: 4,
    target: 0.9,
    volatile: ['access_token', 'refresh_token'],
  },
];
