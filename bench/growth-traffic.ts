import { createSecretKey } from 'node:crypto';
import type autocannon from 'autocannon';
import jsonwebtoken from 'jsonwebtoken';
import { GrowthRows } from './growth-rows.js';
import type { HttpRequest } from './http-request.js';

/** Seconds; longer than the benchmark takes. */
const LIFETIME = 24 * 3600;
/** Requests until V8 has compiled some of what a login needs. */
const LOGIN_WARM_UPS = 50;
/** The password of all users. */
export const PASSWORD = 'a long way from home';

/** Requests of many clients: each uses another session or another user than the one before. */
export interface Traffic extends Pick<HttpRequest, 'method' | 'headers'> {
  name: string;
  path: string;
  requests: autocannon.Request[];
  /** How many times longer than others its rounds are: a login takes long. */
  secondsFactor: number;
  /** The number of requests that precede the first round. */
  warmUps: number;
}

/** The client of a session, with its current refresh token. */
interface Client {
  session: number;
  token: string;
}

/** What a connection knows of its current request. */
type Taken = Partial<Pick<Client, 'session'>>;

interface TrafficOptions {
  rows: GrowthRows;
  /** The secret that the server signs its tokens with. */
  secret: string;
  /**
   * The number of sessions that the requests use, spread over all of them, and at most of users. It is
   * the same for the large and for the small database, so that both servers do the same work in the
   * background, such as recording when a session was used.
   */
  clients: number;
  /** The number of this launch from 0. Each launch uses other sessions, whose tokens are as at first. */
  launch: number;
  launches: number;
}

export function createTraffic(options: TrafficOptions) {
  return {
    tokenCheck: tokenChecks(options),
    refresh: refreshes(options),
    /** @param hash the index of the password hash that the users must have, of `hashes` */
    login: (hash: number, hashes: number) => logins(options, hash, hashes),
  };
}

function tokenChecks({ rows, secret, ...part }: TrafficOptions): Traffic {
  const sign = signWith(secret);
  const tokens = spreadOver(rows.size.rows, part).map((session) => {
    const { sub, sid } = rows.claimsOf(session);
    const own = { type: 'access', fresh: true, scope: {}, rv: 0 };
    return sign('at+jwt', { sub, sid, jti: `access ${session}`, ...own });
  });
  let next = 0;
  const setupRequest = (request: autocannon.Request): autocannon.Request => {
    const token = tokens[next++ % tokens.length]!;
    return { ...request, headers: { authorization: `Bearer ${token}` } };
  };
  const warmUps = tokens.length;
  return { ...get('/auth/me'), name: 'GET /auth/me', requests: [{ setupRequest }], warmUps };
}

/**
 * Each request sends the token that the last refresh of its session returned. A session whose response
 * is lost at the end of a round is not used again, because its token has been rotated.
 */
function refreshes({ rows, secret, ...part }: TrafficOptions): Traffic {
  const sign = signWith(secret);
  const idle = spreadOver(rows.size.rows, part).map((session): Client => {
    const { sub, sid, refreshId: jti } = rows.claimsOf(session);
    return { session, token: sign('rt+jwt', { sub, sid, jti, type: 'refresh' }) };
  });
  let next = 0;
  const setupRequest = (request: autocannon.Request, context: Taken): autocannon.Request => {
    const { session, token } = idle[next++]!;
    context.session = session;
    return { ...request, headers: { authorization: `Bearer ${token}` } };
  };
  const onResponse = (status: number, body: string, { session }: Taken): void => {
    if (status !== 200 || session === undefined) return;
    const { refresh_token: token } = JSON.parse(body) as { refresh_token: string };
    idle.push({ session, token });
  };
  const requests = [{ setupRequest, onResponse }];
  return { ...post('/auth/refresh'), name: 'POST /auth/refresh', requests, warmUps: idle.length };
}

function logins({ rows, ...part }: TrafficOptions, hash: number, hashes: number): Traffic {
  const users = spreadOver(Math.floor(rows.size.users / hashes), part).map(
    (user) => user * hashes + hash,
  );
  let next = 0;
  const setupRequest = (request: autocannon.Request): autocannon.Request => {
    const username = GrowthRows.nameOf(users[next++ % users.length]!);
    return { ...request, body: JSON.stringify({ username, password: PASSWORD }) };
  };
  const headers = { 'content-type': 'application/json' };
  const requests = [{ headers, setupRequest }];
  const own = { requests, secondsFactor: 2, warmUps: LOGIN_WARM_UPS };
  return { ...post('/auth/login'), name: 'POST /auth/login', ...own };
}

const get = (path: string) => ({ method: 'GET', path, headers: {}, secondsFactor: 1 }) as const;
const post = (path: string) => ({ method: 'POST', path, headers: {}, secondsFactor: 1 }) as const;

function signWith(secret: string) {
  const key = createSecretKey(Buffer.from(secret));
  const iat = Math.floor(Date.now() / 1000) - 1;
  const times = { iat, nbf: iat, exp: iat + LIFETIME };
  return (typ: string, claims: object): string =>
    jsonwebtoken.sign({ ...claims, ...times }, key, { header: { alg: 'HS256', typ } });
}

/** @returns numbers below `count` that no other launch gets, in an order without neighbors */
function spreadOver(
  count: number,
  { clients, launch, launches }: Pick<TrafficOptions, 'clients' | 'launch' | 'launches'>,
): number[] {
  const length = Math.min(Math.floor(count / launches), clients);
  const order = (i: number): number => (i * 7_919) % 100_003;
  return Array.from({ length }, (_, i) => i)
    .sort((one, other) => order(one) - order(other))
    .map((i) => Math.floor(((i * launches + launch) * count) / (length * launches)));
}
