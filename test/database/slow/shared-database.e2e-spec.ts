import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { loadSqliteDriver } from '../../../src/database/sqlite/sqlite-driver.js';
import type { Client, TestUser } from '../../support/client.js';
import { ServiceProcess } from '../../support/process.js';
import { SECRET } from '../../support/test-app.js';
import {
  createDatabase,
  engine,
  holdWrites,
  type TestDatabase,
} from '../../support/test-database.js';

/** Takes the lock under which migrations run. The returned function releases it. */
async function holdMigrations(database: TestDatabase): Promise<() => Promise<void>> {
  if (engine === 'sqlite') {
    // The file has no tables, but is not empty, since the service refuses an empty file.
    const file = new (loadSqliteDriver().Sqlite)(join(database.folder, 'app.sqlite'));
    file.pragma('journal_mode = WAL');
    file.close();
    return holdWrites(database);
  }
  const holder = new pg.Client({ connectionString: database.url });
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT pg_advisory_xact_lock(7215180347)');
  return () => holder.end();
}

describe('Processes on a database', () => {
  let database: TestDatabase;
  let processes: ServiceProcess[];

  beforeEach(async () => {
    database = await createDatabase();
    processes = [];
  });
  afterEach(async () => {
    await Promise.all(processes.map((each) => each.kill('SIGKILL')));
    await database.drop();
  });

  const spawn = (env: Record<string, string> = {}): ServiceProcess => {
    const settings = { ...database.settings, JWT_SECRET_KEY: SECRET };
    const service = ServiceProcess.spawn({ ...settings, ...env });
    processes.push(service);
    return service;
  };
  const start = async (): Promise<Client> => spawn().client();
  const usersOf = async (client: Client): Promise<unknown[]> =>
    (await client.get<unknown[]>('/api/users?limit=1000')).body;
  /** A request for a new user. */
  const newUser = (name: string) => ({ json: { name, password: 'a password' } });

  it('starts two processes at once on the same empty database', async () => {
    // On SQLite, both use the one secret that is generated beside the database file.
    const env = engine === 'sqlite' ? { JWT_SECRET_KEY: '' } : {};
    const clients = await Promise.all([spawn(env).client(), spawn(env).client()]);
    for (const client of clients) expect(await usersOf(client)).toEqual([]);
    if (engine === 'sqlite') expect(readdirSync(database.folder)).toContain('jwt-secret');

    // What one process changes takes effect in the other at once.
    const [one, two] = clients;
    const user = await one.newUser();
    const { access, refresh } = await one.login(user);
    const other = await two.login(user);
    expect((await two.get('/auth/me', { token: access })).status).toBe(200);
    await two.send('DELETE', '/auth/logout2', { token: refresh });
    expect((await one.get('/auth/me', { token: access })).body.code).toBe('token_revoked');
    await one.send('DELETE', '/auth/logout', { token: other.access });
    expect((await two.get('/auth/me', { token: other.access })).body.code).toBe('token_revoked');

    const made = await Promise.all(
      clients.map((client) => Promise.all(Array.from({ length: 20 }, () => client.newUser()))),
    );
    expect(new Set(made.flat().map(({ id }) => id)).size).toBe(40);
    expect(await usersOf(one)).toHaveLength(41);
  });

  it('waits at the start while another process migrates the database', async () => {
    const release = await holdMigrations(database);
    const service = spawn();
    await sleep(2500);
    expect(service.output).not.toContain('The API is at');
    expect(service.child.exitCode).toBeNull();
    const notice = 'Another process is migrating the database';
    if (engine === 'postgres') await service.saying(notice);
    await release();
    expect(await usersOf(await service.client())).toEqual([]);
    expect(service.output.split(notice)).toHaveLength(engine === 'postgres' ? 2 : 1);
  });

  it('starts after it was killed at any point of its first start', async () => {
    for (let attempt = 0; attempt < 3; attempt++) {
      const service = spawn({ LOG_LEVEL: 'debug' });
      // The service opens and migrates the database after this line.
      await service.saying('Starting Nest application');
      await sleep(attempt * 80);
      await service.kill('SIGKILL');
    }
    const client = await start();
    const user = await client.newUser();
    expect(await usersOf(client)).toEqual([{ id: user.id, name: user.name }]);
  }, 60_000);

  it('loses no acknowledged write when it is killed', async () => {
    const service = spawn();
    const client = await service.client();
    const user = await client.newUser();
    const { access: token } = await client.login(user);
    const { access: spare, refresh } = await client.login(user);
    await client.send('DELETE', '/auth/logout', { token: spare });
    const acknowledged: TestUser[] = [];
    const post = async (): Promise<void> => {
      for (;;) {
        const added = await client.newUser();
        if (added.id !== undefined) acknowledged.push(added);
      }
    };
    const posting = [post(), post(), post(), post()].map((each) => each.catch(() => undefined));
    while (acknowledged.length < 50) await sleep(5);
    await service.kill('SIGKILL');
    await Promise.all(posting);

    const again = await start();
    for (const { id, name } of acknowledged) {
      expect((await again.get(`/api/users/${id}`)).body).toEqual({ id, name });
    }
    expect((await again.get('/auth/me', { token })).status).toBe(200);
    expect((await again.get('/auth/me', { token: spare })).body.code).toBe('token_revoked');
    expect((await again.send('POST', '/auth/refresh', { token: refresh })).status).toBe(200);
  });

  it('runs, generates, reverts and shows migrations with the TypeORM command', async () => {
    const env = database.settings;
    const typeorm = async (...words: string[]) => {
      const child = ServiceProcess.spawn(
        env,
        '../../node_modules/typeorm/cli.js',
        ...words,
        '-d',
        '.cache/build/ormconfig.js',
      );
      return { status: await child.exit(), output: child.output };
    };
    expect((await typeorm('migration:run')).status).toBe(0);
    const generate = await typeorm('migration:generate', '--dryrun', 'migrations/Nothing');
    expect(generate.output).toContain('No changes in database schema were found');
    expect((await typeorm('migration:revert')).status).toBe(0);
    expect((await typeorm('migration:show')).output).toContain('[ ]');
  }, 60_000);

  if (engine === 'sqlite') {
    it('reads while another process holds the write lock, and writes after its release or answers 503', async () => {
      const client = await start();
      const { id } = await client.newUser();
      const holder = new (loadSqliteDriver().Sqlite)(join(database.folder, 'app.sqlite'));
      holder.exec('BEGIN IMMEDIATE');
      const write = client.send('POST', '/api/users', newUser('one'));
      for (let i = 0; i < 20; i++) {
        expect((await client.get(`/api/users/${id}`)).status).toBe(200);
      }
      await expect(Promise.race([write, sleep(200, 'waiting')])).resolves.toBe('waiting');
      holder.exec('COMMIT');
      expect((await write).status).toBe(201);

      holder.exec('BEGIN IMMEDIATE');
      const refused = await client.send('POST', '/api/users', newUser('two'));
      holder.exec('COMMIT');
      holder.close();
      expect([refused.status, refused.body]).toEqual([
        503,
        {
          statusCode: 503,
          code: 'service_unavailable',
          error: 'Service Unavailable',
          request_id: expect.any(String),
        },
      ]);
      expect(refused.headers.get('retry-after')).toBe('1');
      expect((await client.send('POST', '/api/users', newUser('two'))).status).toBe(201);
    });

    it('refuses a damaged database file with one message', async () => {
      writeFileSync(join(database.folder, 'app.sqlite'), 'no database '.repeat(1000));
      const service = spawn();
      expect(await service.exit()).toBe(1);
      expect(service.output).toMatch(/^The database file .+ is damaged: .+\n$/);
    });
  }
});
