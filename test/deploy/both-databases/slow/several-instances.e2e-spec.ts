import { setTimeout as sleep } from 'node:timers/promises';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import jsonwebtoken from 'jsonwebtoken';
import { describeUnless } from '../../../support/programs.js';
import { Load } from '../../several-instances/load.js';
import { send, type Sent } from '../../several-instances/request.js';
import {
  cannotRun,
  type Part,
  SeveralInstances,
} from '../../several-instances/several-instances.js';

jest.setTimeout(180_000);

/** What HAProxy, or the connection to it, says about a request whose instance was killed. */
const IN_FLIGHT = /^(502|ECONNRESET)$/;

const password = 'a long password';

interface Pair {
  access_token: string;
  refresh_token: string;
}

describeUnless(cannotRun, 'Three instances with the files of deploy/several-instances', () => {
  let parts: SeveralInstances;
  let users = 0;

  beforeAll(async () => {
    parts = await SeveralInstances.start();
    await parts.untilMetrics('postgres_replica_up', 1);
    await parts.untilMetrics('redis_up', 1);
  });
  afterAll(() => parts.stop());

  /** Sends a request to an instance, from an address of its own. */
  const sendTo = (instance: number, path: string, options: Sent = {}) =>
    send(parts.origins[instance]!, path, { from: `127.0.2.${users}`, ...options });
  const statusesOf = (path: string, options: Sent) =>
    Promise.all([0, 1, 2].map(async (each) => (await sendTo(each, path, options)).status));
  const statusesOfMe = (token: string) => statusesOf('/auth/me', { token });
  const register = async () => {
    const json = { name: `pilot ${++users}`, password };
    expect((await sendTo(users % 3, '/api/users', { method: 'POST', json })).status).toBe(201);
    return { username: json.name, password };
  };
  const logIn = async (instance: number, json: object): Promise<Pair> => {
    const { status, body } = await sendTo(instance, '/auth/login', { method: 'POST', json });
    expect(status).toBe(200);
    return body as Pair;
  };
  const refresh = async (instance: number, token: string) =>
    sendTo(instance, '/auth/refresh', { method: 'POST', token });

  it('are started with settings in which doctor finds no problem', async () => {
    const found = JSON.parse(await parts.admin('doctor', '--json')) as Record<string, string>[];
    expect(found.filter(({ status }) => status !== 'ok')).toEqual([]);
  });

  it('share sessions, refreshes and logouts at once', async () => {
    const user = await register();
    const first = await logIn(0, user);
    expect(await statusesOfMe(first.access_token)).toEqual([200, 200, 200]);

    const second = (await refresh(1, first.refresh_token)).body as Pair;
    const repeated = (await refresh(2, first.refresh_token)).body as Pair;
    expect(repeated.refresh_token).toBe(second.refresh_token);
    const third = (await refresh(0, second.refresh_token)).body as Pair;
    expect(await statusesOfMe(third.access_token)).toEqual([200, 200, 200]);
    expect(await refresh(2, first.refresh_token)).toMatchObject({
      status: 401,
      body: { code: 'token_revoked' },
    });
    expect(await statusesOfMe(third.access_token)).toEqual([401, 401, 401]);

    const { access_token: token } = await logIn(1, user);
    expect((await sendTo(2, '/auth/logout', { method: 'DELETE', token })).status).toBe(200);
    expect(await statusesOfMe(token)).toEqual([401, 401, 401]);

    const [kept, ended] = [await logIn(0, user), await logIn(1, user)];
    const all = { method: 'DELETE', token: kept.access_token };
    expect((await sendTo(2, '/auth/sessions', all)).status).toBeLessThan(300);
    expect(await statusesOfMe(kept.access_token)).toEqual([200, 200, 200]);
    expect(await statusesOfMe(ended.access_token)).toEqual([401, 401, 401]);
    expect((await refresh(0, ended.refresh_token)).status).toBe(401);
  });

  it('count AUTH_RATE_LIMIT together, for the address that HAProxy forwards', async () => {
    const attempt = async (from: string, number: number) => {
      const json = { username: `unknown ${from} ${number}`, password };
      const { status } = await send(parts.origin, '/auth/login', { method: 'POST', json, from });
      return status;
    };
    const attempts = Array.from({ length: 26 }, (_, i) => attempt('127.0.3.1', i));
    const statuses = (await Promise.all(attempts)).sort();
    expect(statuses).toEqual([...Array<number>(20).fill(401), ...Array<number>(6).fill(429)]);
    expect(await attempt('127.0.3.2', 0)).toBe(401);
  });

  it('use a new key of `npm run keys` and refuse a retired one, without a shared file', async () => {
    const user = await register();
    const kidOf = (token: string) => jsonwebtoken.decode(token, { complete: true })!.header.kid!;
    const keysAt = async (instance: number) => {
      const { body } = await sendTo(instance, '/.well-known/jwks.json');
      return (body as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
    };
    const until = async (isTrue: (instance: number) => Promise<boolean>) => {
      const begun = performance.now();
      for (const instance of [0, 1, 2]) while (!(await isTrue(instance))) await sleep(20);
      return performance.now() - begun;
    };
    const old = await logIn(0, user);
    const kid = (await parts.keys('add', 'ES256')).split(' ')[0]!;
    // A second, and what a busy machine needs for the requests.
    expect(await until(async (each) => (await keysAt(each)).includes(kid))).toBeLessThan(3_000);
    await parts.keys('use', kid);
    let { refresh_token: newest } = old;
    const signed = async (each: number) => {
      const pair = (await refresh(each, newest)).body as Pair;
      newest = pair.refresh_token;
      return kidOf(pair.access_token) === kid;
    };
    expect(await until(signed)).toBeLessThan(3_000);
    await parts.keys('retire', kidOf(old.access_token));
    const isRefused = async (each: number) =>
      (await sendTo(each, '/auth/me', { token: old.access_token })).status === 401;
    expect(await until(isRefused)).toBeLessThan(3_000);
    const { access_token: token } = await logIn(1, user);
    expect(kidOf(token)).toBe(kid);
    expect(await statusesOfMe(token)).toEqual([200, 200, 200]);
  });

  describe('under load', () => {
    let load: Load;

    beforeAll(async () => {
      load = await Load.prepare(parts.origin, (name) => parts.admin('grant', name));
    });
    beforeEach(async () => {
      load.start();
      await load.untilAcknowledged(50);
      expect(load.failures).toEqual([]);
    });
    afterEach(() => load.stop());
    afterAll(() => load.close());

    /** Ends the load, and expects that it has lost nothing and succeeds again. */
    const expectNothingLost = async () => {
      await load.untilSteady(100);
      await load.stop();
      expect(await load.refreshAll()).toEqual(Array(8).fill(200));
      const entries = await parts.primary.query<{ request_id: string }>(
        "SELECT request_id FROM audit_entries WHERE event IN ('admin_granted', 'admin_revoked')",
        'app',
      );
      const stored = new Set(entries.map(({ request_id }) => request_id));
      expect(load.written.length).toBeGreaterThan(20);
      expect(load.written.filter((id) => !stored.has(id))).toEqual([]);
    };
    /**
     * The number of failures by what the clients saw.
     *
     * @param gone for how long a part was gone, in milliseconds
     */
    const failures = (gone?: number) => {
      const counts: Record<string, number> = {};
      for (const { result } of load.failures) counts[result] = (counts[result] ?? 0) + 1;
      if (process.env.TEST_FULL === 'true') {
        const [first, last] = [load.failures[0]?.at ?? 0, load.failures.at(-1)?.at ?? 0];
        const { currentTestName: test } = expect.getState();
        console.log(JSON.stringify({ test, counts, gone, failing: last - first }));
      }
      return counts;
    };

    it('fails at most one request of each client when an instance is killed', async () => {
      await parts.instances[1]!.kill();
      await load.untilAcknowledged(150);
      const failed = load.failures.map(({ client }) => client);
      expect(failed).toEqual([...new Set(failed)]);
      await parts.instances[1]!.start();
      await expectNothingLost();
      expect(Object.keys(failures()).filter((result) => !IN_FLIGHT.test(result))).toEqual([]);
    });

    it('fails no request when Redis is killed', async () => {
      await parts.redis.kill();
      await load.untilAcknowledged(100);
      await parts.untilMetrics('redis_up', 0);
      await logIn(0, await register());
      await parts.redis.start();
      await parts.untilMetrics('redis_up', 1);
      await expectNothingLost();
      expect(failures()).toEqual({});
    });

    it('fails no request when the standby is killed', async () => {
      await parts.standby.kill();
      await load.untilAcknowledged(100);
      await parts.untilMetrics('postgres_replica_up', 0);
      await parts.standby.start();
      await parts.untilMetrics('postgres_replica_up', 1);
      await expectNothingLost();
      expect(failures()).toEqual({});
    });

    it.each<[string, (parts: SeveralInstances) => Part, RegExp]>([
      ['HAProxy', ({ haproxy }) => haproxy, /^(ECONNREFUSED|ECONNRESET|EPIPE)$/],
      ['pgbouncer', ({ pgbouncer }) => pgbouncer, /^503/],
      ['the primary', ({ primary }) => primary, /^503/],
    ])('loses no acknowledged write when %s is killed', async (_, partOf, expected) => {
      const killed = performance.now();
      await partOf(parts).kill();
      await load.untilAllFailed();
      await partOf(parts).start();
      const gone = performance.now() - killed;
      await expectNothingLost();
      expect(Object.keys(failures(gone)).filter((result) => !expected.test(result))).toEqual([]);
    });
  });
});
