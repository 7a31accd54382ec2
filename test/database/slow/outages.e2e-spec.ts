import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type pg from 'pg';
import { openDatabase } from '../../../src/database/database.module.js';
import { Database } from '../../../src/database/database.js';
import { timeouts } from '../../../src/database/postgres/postgres-client.js';
import type { Answer } from '../../support/client.js';
import { crate } from '../../support/fixture/crates.js';
import { postgresPrograms, PrivateCluster } from '../../support/private-cluster.js';
import { describeUnless } from '../../support/programs.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { bootFixtureApp } from '../../support/fixture-app.js';
import type { TestApp } from '../../support/test-app.js';
import { createDatabase, engine, type TestDatabase } from '../../support/test-database.js';

/** Expects the answer of every route during an outage of the database. */
const expectUnavailable = ({ status, body, headers }: Answer): void => {
  expect([status, body.code]).toEqual([503, 'service_unavailable']);
  expect(headers.get('retry-after')).toBe('1');
};

/** Repeats an attempt until it succeeds. The timeout of the test is the limit. */
async function until<T>(attempt: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const result = await attempt();
    if (result) return result;
    await sleep(20);
  }
}

const isRoot = process.getuid?.() === 0;

if (engine === 'sqlite') {
  describe('A file that cannot be opened', () => {
    let app: TestApp;
    let token: string;

    beforeAll(async () => {
      app = await bootFixtureApp();
      token = (await app.login({ name: 'user', password: 'password' })).access;
    }, 60_000);
    afterAll(() => app.close());

    it('answers expensive reads with 503 while the database file is away, and with 200 afterwards', async () => {
      const file = join(app.database.folder, 'app.sqlite');
      renameSync(file, `${file}.away`);
      const answer = await app.get('/auth/sessions', { token });
      renameSync(`${file}.away`, file);
      expectUnavailable(answer);
      const again = () => app.get('/auth/sessions', { token });
      await until(async () => (await again()).status === 200);
    });
  });

  describeUnless(isRoot ? undefined : 'only root can mount a small disk', 'A full disk', () => {
    let database: TestDatabase;
    let app: TestApp;
    let disk: string;

    beforeAll(async () => {
      database = await createDatabase();
      disk = join(database.folder, 'disk');
      mkdirSync(disk);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=700', 'tmpfs', disk]);
      app = await bootFixtureApp(
        { DATABASE_URL: `sqlite:${join(disk, 'app.sqlite')}` },
        { database },
      );
    }, 60_000);
    afterAll(async () => {
      await app.app.close();
      execFileSync('umount', ['-l', disk]);
      await database.drop();
    });

    it('answers writes with 503 on a full disk, still reads, and writes again once there is space', async () => {
      const { access: token } = await app.login({ name: 'user', password: 'password' });
      const filler = join(disk, 'filler');
      expect(() => writeFileSync(filler, Buffer.alloc(5_000_000))).toThrow(/ENOSPC/);
      const json = { ...crate, label: 'x'.repeat(200) };
      const post = () => app.send('POST', '/api/crates', { token, json });
      // The write-ahead log first reuses its own space, so that some writes still succeed.
      const refused = await until(async () => {
        const answer = await post();
        return answer.status !== 201 && answer;
      });
      expectUnavailable(refused);
      expectUnavailable(
        await app.send('POST', '/auth/login', { json: { username: 'user', password: 'password' } }),
      );
      expect((await app.get('/api/crates/1', { token })).status).toBe(200);
      rmSync(filler);
      expect((await post()).status).toBe(201);
      await app.login({ name: 'user', password: 'password' });
    });
  });
}

if (engine === 'postgres') {
  const missing = postgresPrograms()
    ? undefined
    : 'initdb is not installed; PG_BIN names its folder';
  describeUnless(missing, 'A PostgreSQL server', () => {
    let cluster: PrivateCluster;
    let standby: PrivateCluster;
    let proxy: TcpProxy;
    let app: TestApp;
    let token: string;

    beforeAll(async () => {
      cluster = await PrivateCluster.start();
      proxy = await TcpProxy.to(cluster.port);
      app = await bootFixtureApp({ DATABASE_URL: cluster.url(proxy.port) });
      token = (await app.login({ name: 'user', password: 'password' })).access;
      standby = await cluster.standby();
    }, 60_000);
    afterAll(async () => {
      jest.restoreAllMocks();
      await app.close();
      await proxy.close();
      await standby.stop();
      await cluster.stop();
    });

    const shorten = () => {
      jest.replaceProperty(timeouts, 'query', 1_000);
      jest.replaceProperty(timeouts, 'check', 500);
    };
    const me = () => app.get('/auth/me', { token });
    const post = () => app.send('POST', '/api/crates', { token, json: crate });
    const pool = () =>
      app.app.get<unknown, { source: { driver: { master: pg.Pool } } }>(Database).source.driver
        .master;

    it('answers 503 if a connection is lost between two statements of a write', async () => {
      const write = app.sql(async (manager) => {
        const [{ pid }] = await manager.query<[{ pid: number }]>('SELECT pg_backend_pid() AS pid');
        await cluster.query(`SELECT pg_terminate_backend(${pid})`);
        await until(async () => manager.queryRunner?.isReleased === true);
        await manager.query('SELECT 1');
      });
      await expect(write).rejects.toMatchObject({ code: 'service_unavailable' });
      expect((await post()).status).toBe(201);
    });

    it('cancels a query on the PostgreSQL server after its timeout, and keeps no connection for it', async () => {
      shorten();
      const write = app.sql(async (manager) => {
        await manager.query('SET LOCAL statement_timeout = 0');
        await manager.query('SELECT pg_sleep(600)');
      });
      await expect(write).rejects.toMatchObject({ code: 'service_unavailable' });
      const sleeping = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(600)%'";
      await until(async () => (await cluster.query(sleeping)).length === 0);
      jest.restoreAllMocks();
    });

    const open = (url: string, prepare = false) =>
      openDatabase({ engine: 'postgres', url, prepare });

    it('uses named statements only with DATABASE_PREPARE=true', async () => {
      const namesOf = (database: Database) =>
        database.write(async (manager) => {
          await manager.query('SELECT CAST($1 AS text)', ['x']);
          return manager.query<unknown[]>('SELECT name FROM pg_prepared_statements');
        });
      expect(await namesOf(app.app.get(Database))).toEqual([]);
      const prepared = await open(cluster.url(), true);
      expect(await namesOf(prepared)).toHaveLength(1);
      await prepared.close();
    });

    it('answers 503 while the PostgreSQL server is frozen, and keeps no connection to it', async () => {
      await Promise.all([me(), me(), me(), me(), me(), me()]);
      const { idleCount } = pool();
      expect(idleCount).toBeGreaterThan(1);
      cluster.signal('SIGSTOP');
      shorten();
      // The first request that times out also closes the idle connections.
      expectUnavailable(await me());
      await until(async () => pool().totalCount === 0);
      jest.restoreAllMocks();
      cluster.signal('SIGCONT');
      await until(async () => (await me()).status === 200);
      expect((await post()).status).toBe(201);
    });

    it('fails readiness while the PostgreSQL server is frozen, and keeps no connection to it', async () => {
      cluster.signal('SIGSTOP');
      shorten();
      const database = app.app.get(Database);
      await expect(database.check()).rejects.toMatchObject({ code: 'service_unavailable' });
      await until(async () => pool().totalCount === 0);
      jest.restoreAllMocks();
      cluster.signal('SIGCONT');
      await until(async () => (await me()).status === 200);
    });

    it('refuses to start on a PostgreSQL standby, and says that it is one', async () => {
      await expect(open(standby.url())).rejects.toThrow(
        'The PostgreSQL server of DATABASE_URL is read-only: it is a standby',
      );
    });

    it('moves its connections to a promoted standby without a restart', async () => {
      cluster.signal('SIGSTOP');
      shorten();
      proxy.moveTo(standby.port);
      await until(async () => (await me()).status === 200);
      // The address leads to the standby, which does not accept writes yet.
      expectUnavailable(await post());
      await expect(app.app.get(Database).check()).rejects.toThrow('read-only');
      await standby.promote();
      await until(async () => (await post()).status === 201);
      await app.app.get(Database).check();
      jest.restoreAllMocks();
    });
  });
}
