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

/** The first demo user. */
export const credentials = { username: 'user', password: 'password' };

const ship = {
  affiliation: 'Empire',
  category: 'Capital Ships',
  crew: 37085,
  length: 1600,
  manufacturer: 'Kuat Drive Yards',
  model: 'Imperial I-class Star Destroyer',
  roles: ['Destroyer', 'Carrier'],
  ship_class: 'Star Destroyer',
};

/** The order matters: the reads must see the 15 demo ships, before `create-ship` adds others. */
export const scenarios: readonly Scenario[] = [
  {
    name: 'ships',
    method: 'GET',
    path: '/api/ships',
    authenticated: false,
    connections: 10,
    target: 0.5,
  },
  {
    name: 'ship',
    method: 'GET',
    path: '/api/ships/1',
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
    name: 'create-ship',
    method: 'POST',
    path: '/api/ships',
    body: ship,
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
