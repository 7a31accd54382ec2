import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { loadSqliteDriver } from '../../../../src/database/sqlite/sqlite-driver.js';
import { runChild } from '../../../support/children.js';
import type { Client, TestUser } from '../../../support/client.js';
import { ServiceProcess } from '../../../support/process.js';
import { describeUnless } from '../../../support/programs.js';
import { createDatabase, type TestDatabase } from '../../../support/test-database.js';
import { Litestream, litestreamProgram } from '../../litestream.js';

jest.setTimeout(120_000);

/** Each run kills the service at another moment. CI makes one, `.ci/run --full` measures. */
const RUNS = process.env.TEST_FULL === 'true' ? 20 : 1;
/** Milliseconds beside the intervals: a slow machine. */
const MARGIN = 2_000;

interface Write extends TestUser {
  /** When the response arrived; see `performance.now`. */
  at: number;
}

/** Registers users one after another, until the service is killed. */
async function registerUsers(client: Client, written: Write[]): Promise<void> {
  for (;;) {
    const user = await client.newUser().catch(() => undefined);
    if (user === undefined) return;
    written.push({ ...user, at: performance.now() });
  }
}

const reason =
  litestreamProgram === undefined
    ? 'litestream is not installed; name it in LITESTREAM_PATH'
    : undefined;

describeUnless(reason, 'A replica of litestream', () => {
  let database: TestDatabase;
  let file: string;
  let env: Record<string, string>;
  let litestream: Litestream | undefined;

  beforeEach(async () => {
    database = await createDatabase();
    // A folder of its own, which the tests destroy with everything in it.
    file = join(database.folder, 'data', 'app.sqlite');
    env = {
      NODE_ENV: 'production',
      JWT_SECRET_KEY: 'g4Jt0vXq2Lz8Rk5Wn1Yb7Hd3Fs6Pc9Ma',
      DATABASE_URL: `sqlite:${file}`,
      REFRESH_GRACE: '1s',
      USER_RATE_LIMIT: '0',
    };
  });
  afterEach(async () => {
    litestream?.kill();
    await database.drop();
  });

  const start = async (interval?: string) => {
    const service = ServiceProcess.spawn(env);
    const client = await service.client();
    litestream = new Litestream(file, database.folder, interval);
    await litestream.start();
    return { service, client };
  };
  /** Deletes the database, restores it, and starts the service with it. */
  const restore = async () => {
    rmSync(dirname(file), { recursive: true });
    mkdirSync(dirname(file), { mode: 0o700 });
    const begun = performance.now();
    const copy = join(database.folder, 'copy');
    await litestream!.restore(copy);
    const duration = performance.now() - begun;
    const words = [join('.cache', 'build', 'scripts', 'admin.js'), 'restore', copy];
    const { status, output } = await runChild(process.execPath, words, {
      env: { PATH: process.env.PATH, DATABASE_URL: env.DATABASE_URL },
    });
    expect([status, output]).toEqual([0, expect.stringContaining('Restored')]);
    rmSync(copy);
    const service = ServiceProcess.spawn({ ...env, DATABASE_CREATE: 'false' });
    return { service, client: await service.client(), duration };
  };
  const namesOf = () => {
    const reader = new (loadSqliteDriver().Sqlite)(file, { readonly: true });
    try {
      return new Set(reader.prepare('SELECT name FROM users').pluck().all() as string[]);
    } finally {
      reader.close();
    }
  };

  it.each([
    ['stopped', 'SIGTERM'],
    ['killed', 'SIGKILL'],
  ] as const)(
    'restores every write of a service that was %s, and its sessions',
    async (_, signal) => {
      const { service, client } = await start();
      const user = await client.newLogin();
      await service.kill(signal);
      await sleep(MARGIN);
      litestream!.kill();
      const { service: restored, client: again } = await restore();
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect((await again.get('/auth/me', { token: user.access })).status).toBe(200);
      const refreshed = await again.send('POST', '/auth/refresh', { token: user.refresh });
      expect(refreshed.status).toBe(200);
      expect(await restored.kill('SIGTERM')).toBe(0);
    },
  );

  it.each([
    ['1s', 2_000],
    ['100ms', 200],
  ])(
    'loses only the last writes if everything is killed, with an interval of %s',
    async (interval, expected) => {
      for (let i = 0; i < RUNS; i++) {
        const { service, client } = await start(interval);
        const written: Write[] = [];
        const writing = [registerUsers(client, written), registerUsers(client, written)];
        await sleep(3_000 + Math.random() * 2_000);
        const killed = performance.now();
        litestream!.kill();
        await service.kill('SIGKILL');
        await Promise.all(writing);
        const { service: restored, client: again, duration } = await restore();
        const names = namesOf();
        const lost = written.filter(({ name }) => !names.has(name));
        const age = lost.length === 0 ? 0 : killed - lost[0]!.at;
        const figures = { interval, written: written.length, lost: lost.length, age, duration };
        if (RUNS > 1) console.log(JSON.stringify(figures));
        expect(age).toBeLessThan(expected + MARGIN);
        expect((await again.newLogin()).access).toBeDefined();
        await restored.kill('SIGKILL');
        rmSync(dirname(file), { recursive: true });
        rmSync(join(database.folder, 'replica'), { recursive: true });
      }
    },
    RUNS * 60_000,
  );

  it('continues with a new snapshot after a pause in which the service has emptied its log', async () => {
    const { service, client } = await start();
    const user = await client.newLogin();
    litestream!.kill();
    await client.send('POST', '/auth/refresh', { token: user.refresh });
    while (statSync(`${file}-wal`).size > 0) await sleep(100);
    const later = await client.newUser();
    await litestream!.start();
    await sleep(MARGIN);
    litestream!.kill();
    await service.kill('SIGKILL');
    const { client: again } = await restore();
    expect((await again.login(later)).access).toBeDefined();
  });

  it('keeps erased refresh tokens in the log of the database while it runs', async () => {
    const { client } = await start();
    const user = await client.newLogin();
    await client.send('POST', '/auth/refresh', { token: user.refresh });
    const reader = new (loadSqliteDriver().Sqlite)(file, { readonly: true });
    const sealed = () =>
      reader.prepare('SELECT successor FROM sessions').pluck().get() as string | null;
    const before = sealed()!;
    while (sealed() !== null) await sleep(100);
    reader.close();
    // The service tries again every 5 seconds to remove them from the log.
    await sleep(6_000);
    expect(readFileSync(`${file}-wal`, 'utf8')).toContain(before);
    expect(litestream!.output).not.toMatch(/level=(ERROR|WARN)/);
  });
});
