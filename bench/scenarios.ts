/** One route under load. */
export interface Scenario {
  /** What `--only` calls it. */
  name: string;
  method: 'GET' | 'POST';
  path: string;
  body?: object;
  authenticated: boolean;
  connections: number;
  /** The share of the floor's throughput that the product has to reach. */
  target: number;
  /** Fields of the answer that differ from one request to the next. */
  volatile?: readonly string[];
}

/** The first of the demo users. */
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

/** In this order: the reads must see the 15 ships of the demo data, before any is added. */
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
    // Enough to keep the cores busy with hashing; more would only measure the line behind them.
    connections: 4,
    target: 0.9,
    volatile: ['access_token', 'refresh_token'],
  },
];
