import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { checkReplica } from '../../../../scripts/admin/doctor/replica-check.js';
import { AppConfig } from '../../../../src/config/app-config.js';
import { Database } from '../../../../src/database/database.js';
import { adminJson } from '../../../support/admin.js';
import { crate } from '../../../support/fixture/crates.js';
import { bootFixtureApp } from '../../../support/fixture-app.js';
import { postgresPrograms, PrivateCluster } from '../../../support/private-cluster.js';
import { describeUnless } from '../../../support/programs.js';
import { freePort } from '../../../support/tcp-proxy.js';
import { SECRET, type TestApp } from '../../../support/test-app.js';

/** The time in which the replica is no longer used, in milliseconds: see `PostgresReplica`. */
const NOTICED_AFTER = 8_000;

const reason = postgresPrograms() ? undefined : 'the programs of PostgreSQL are not installed';

describeUnless(reason, 'DATABASE_REPLICA_URL', () => {
  let primary: PrivateCluster;
  let standby: PrivateCluster;
  let app: TestApp;
  let token: string;

  beforeAll(async () => {
    primary = await PrivateCluster.start();
  }, 60_000);
  afterAll(async () => {
    await primary.stop();
  });
  beforeEach(async () => {
    standby = await primary.standby();
    app = await boot(standby.url());
    token = (await app.login({ name: 'user', password: 'password' })).access;
  }, 60_000);
  afterEach(async () => {
    await app.close();
    await standby.stop();
  });

  const boot = (url: string) =>
    bootFixtureApp({ DATABASE_URL: primary.url(), DATABASE_REPLICA_URL: url });
  const usesReplica = (): unknown => {
    const load = app.app.get(Database).load();
    return load.engine === 'postgres' && load.replica;
  };
  const untilUsed = async (expected: boolean) => {
    while (usesReplica() !== expected) await sleep(20);
  };
  /** Adds a crate and returns its id. */
  const add = async (): Promise<number> => {
    const { status, body } = await app.send('POST', '/api/crates', { token, json: crate });
    expect(status).toBe(201);
    return body.id as number;
  };
  const newest = async (options: { token?: string; headers?: Record<string, string> } = {}) => {
    const { status, body } = await app.get('/api/crates?sort=-id&limit=1', options);
    expect(status).toBe(200);
    return (body as unknown as { id: number }[])[0]?.id;
  };

  it('answers lists without a token from the replica, and all others from the primary', async () => {
    await untilUsed(true);
    await standby.query('SELECT pg_wal_replay_pause()');
    const before = await newest();
    const added = await add();
    expect(await newest()).toBe(before);
    expect(await newest({ token })).toBe(added);
    // Open routes do not check these, but they show that the request may belong to a session.
    expect(await newest({ headers: { authorization: 'Bearer x' } })).toBe(added);
    expect(await newest({ headers: { cookie: 'access_token_cookie=x' } })).toBe(added);
    // The end of a session takes effect at once.
    expect((await app.send('DELETE', '/auth/logout', { token })).status).toBe(200);
    expect((await app.get('/auth/me', { token })).status).toBe(401);
  });

  it('answers from the primary while the replica is more than 5 s behind', async () => {
    await untilUsed(true);
    await standby.query('SELECT pg_wal_replay_pause()');
    const added = await add();
    await untilUsed(false);
    expect(await newest()).toBe(added);
    await standby.query('SELECT pg_wal_replay_resume()');
    await untilUsed(true);
    expect(await newest()).toBe(added);
  });

  it('refuses no request when the replica freezes', async () => {
    await untilUsed(true);
    const added = await add();
    standby.signal('SIGSTOP');
    const start = performance.now();
    // A request on a connection that was open waits for its timeout, and the primary answers then.
    while (usesReplica() === true) expect([added, added - 1]).toContain(await newest());
    expect(performance.now() - start).toBeLessThan(NOTICED_AFTER);
    expect(await newest()).toBe(added);
    standby.signal('SIGCONT');
    await untilUsed(true);
  });

  it('refuses no request when the replica ends', async () => {
    await untilUsed(true);
    const added = await add();
    const stopped = standby.stop();
    for (let i = 0; i < 20; i++) expect([added, added - 1]).toContain(await newest());
    await stopped;
    expect(await newest()).toBe(added);
    expect(usesReplica()).toBe(false);
    standby = await primary.standby();
  });

  it('is checked by the command doctor', async () => {
    const check = async (url: string) => {
      const env = {
        DATABASE_URL: primary.url(),
        DATABASE_REPLICA_URL: url,
        JWT_SECRET_KEY: SECRET,
      };
      const [finding] = await checkReplica(AppConfig.from(env));
      return [finding?.status, finding?.message];
    };
    const standbyHost = `127.0.0.1:${standby.port}`;
    expect(await check(standby.url())).toEqual([
      'ok',
      `The replica at ${standbyHost} is a standby.`,
    ]);
    const [level, message] = await check(primary.url().replace('127.0.0.1', 'localhost'));
    expect([level, message]).toEqual(['warning', expect.stringContaining('is not a standby')]);
    const port = await freePort();
    const [, refused] = await check(`postgres://user:secret-word@127.0.0.1:${port}/postgres`);
    expect(refused).toContain(`The replica at 127.0.0.1:${port} cannot be used`);
    expect(refused).not.toContain('secret-word');
  });

  it('is not used by commands, which would print a warning without it', async () => {
    const env = {
      DATABASE_REPLICA_URL: `postgres://postgres@127.0.0.1:${await freePort()}/postgres`,
    };
    const users = await adminJson<object[]>({ url: primary.url() }, ['user', 'list'], { env });
    expect(users).not.toEqual([]);
  });

  it('starts without the replica, and uses no server that is not a standby', async () => {
    for (const url of [
      `postgres://postgres@127.0.0.1:${await freePort()}/postgres`,
      primary.url().replace('127.0.0.1', 'localhost'),
    ]) {
      await app.close();
      app = await boot(url);
      expect(await newest()).toBeGreaterThan(0);
      expect(usesReplica()).toBe(false);
    }
  });
});
