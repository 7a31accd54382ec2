import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { migrations } from '../../../src/database/migrations.js';
import { AppConfig } from '../../../src/config/app-config.js';
import { dataSourceOptions } from '../../../src/database/data-source-options.js';
import { ServiceProcess } from '../../support/process.js';
import { bootApp, SECRET, type TestApp } from '../../support/test-app.js';
import { createDatabase, type TestDatabase } from '../../support/test-database.js';

const password = 'a password';

describe('Two processes that register names', () => {
  it('registers one of several names that differ only in case', async () => {
    const database = await createDatabase();
    const settings = { ...database.settings, JWT_SECRET_KEY: SECRET };
    const processes = [ServiceProcess.spawn(settings), ServiceProcess.spawn(settings)];
    try {
      const clients = await Promise.all(processes.map((each) => each.client()));
      for (let round = 0; round < 10; round++) {
        const names = [`Luke ${round}`, `luke ${round}`, `LUKE ${round}`, `lUKE ${round}`];
        const answers = await Promise.all(
          names.map((name, i) =>
            clients[i % 2]!.send('POST', '/api/users', { json: { name, password } }),
          ),
        );
        const statuses = answers.map(({ status }) => status).sort();
        expect(statuses).toEqual([201, 400, 400, 400]);
      }
      const { body } = await clients[0]!.get<unknown[]>('/api/users');
      expect(body).toHaveLength(10);
    } finally {
      await Promise.all(processes.map((each) => each.kill('SIGKILL')));
      await database.drop();
    }
  }, 60_000);
});

describe('Users of releases without name keys', () => {
  let database: TestDatabase;
  let app: TestApp;
  /** The names in the order of their ids, which begin at 10. */
  const old = ['Luke', 'luke', 'LUKE', ' spaced ', 'luke\u00012', 'zero\u200bwidth'];

  beforeEach(async () => {
    database = await createDatabase();
    app = await bootApp({}, { database, users: false });
    const sample = await app.newUser();
    await app.login(sample);
    await app.app.close();
    const source = await open();
    await revert(source);
    const [row] = await source.query<Record<string, unknown>[]>('SELECT * FROM users');
    for (const [i, name] of old.entries()) {
      const copy = { ...row, id: 10 + i, name, public_id: `id-${i}` };
      await source.createQueryBuilder().insert().into('users').values(copy).execute();
    }
    await source.destroy();
    app = await bootApp({}, { database, users: false });
  });
  afterEach(() => app.close());

  const open = async () => {
    const settings = AppConfig.from({ DATABASE_URL: database.url }).database;
    // Without entities, because they contain the column that the migration adds.
    return new DataSource({ ...dataSourceOptions(settings), entities: [] }).initialize();
  };
  const revert = async (source: DataSource) => {
    const steps = migrations.length - migrations.findIndex(({ name }) => /NameKeys/.test(name));
    for (let i = 0; i < steps; i++) await source.undoLastMigration({ transaction: 'all' });
  };
  const put = async (id: number, token: string, json: object) =>
    (await app.send('PUT', `/api/users/${id}`, { token, json })).status;

  it('logs in earlier users, and lets them keep their names and change their passwords', async () => {
    for (const [i, name] of old.entries()) {
      const { access } = await app.login({ name, password });
      expect(await put(10 + i, access, { name, password: 'a new password' })).toBe(200);
      const json = { current_password: 'a new password', new_password: 'another password' };
      const options = { token: access, json };
      expect((await app.send('POST', '/auth/password', options)).status).toBeLessThan(300);
      await app.login({ name, password: 'another password' });
    }
  });

  it('logs in earlier users, and lets them keep their names, with FLASK_COMPAT=false', async () => {
    app = await app.restart({ FLASK_COMPAT: 'false' });
    for (const [i, name] of old.entries()) {
      const { access } = await app.login({ name, password });
      const json = { name, password, current_password: password };
      expect(await put(10 + i, access, json)).toBe(200);
    }
  });

  it('refuses a new name of an earlier user that breaks the rules', async () => {
    const { access } = await app.login({ name: ' spaced ', password });
    expect(await put(13, access, { name: '  spaced ', password })).toBe(400);
    expect(await put(13, access, { name: 'lUKE', password })).toBe(400);
    expect(await put(13, access, { name: 'spaced', password })).toBe(200);
  });

  it('reserves the names of earlier users, whatever the case, until all of them are deleted', async () => {
    const register = async (name: string) =>
      (await app.send('POST', '/api/users', { json: { name, password } })).status;
    for (const [id, name] of [
      [10, 'Luke'],
      [11, 'luke'],
      [12, 'LUKE'],
    ] as const) {
      expect(await register('lUkE')).toBe(400);
      const { access: token } = await app.login({ name, password });
      expect((await app.send('DELETE', `/api/users/${id}`, { token })).status).toBe(204);
    }
    // The key of a name with a control character begins like a key with an id.
    const { access: token } = await app.login({ name: old[4]!, password });
    expect((await app.send('DELETE', '/api/users/14', { token })).status).toBe(204);
    expect(await register('lUkE')).toBe(201);
  });

  it('keeps users and their sessions when the migration is reverted and run again', async () => {
    await app.app.close();
    const source = await open();
    const count = async (table: string) => {
      const [row] = await source.query<{ n: number }[]>(`SELECT COUNT(*) AS n FROM ${table}`);
      return Number(row!.n);
    };
    const keys = () => source.query<unknown[]>('SELECT id, name_key FROM users ORDER BY id');
    const before = await keys();
    expect(new Set(before.map((row) => JSON.stringify(row))).size).toBe(old.length + 1);
    await revert(source);
    expect([await count('users'), await count('sessions')]).toEqual([old.length + 1, 1]);
    await source.runMigrations({ transaction: 'all' });
    expect([await count('users'), await count('sessions')]).toEqual([old.length + 1, 1]);
    expect(await keys()).toEqual(before);
    await source.destroy();
    app = await bootApp({}, { database, users: false });
  });

  it('adds keys to the names of more than a thousand users', async () => {
    await app.app.close();
    const source = await open();
    await revert(source);
    const [row] = await source.query<Record<string, unknown>[]>('SELECT * FROM users');
    const rows = Array.from({ length: 1200 }, (_, i) => ({
      ...row,
      id: 100 + i,
      name: `User ${i}`,
      public_id: `many-${i}`,
    }));
    for (let i = 0; i < rows.length; i += 100) {
      const part = rows.slice(i, i + 100);
      await source.createQueryBuilder().insert().into('users').values(part).execute();
    }
    await source.destroy();
    app = await bootApp({}, { database, users: false });
    const json = { name: 'uSER 1199', password };
    const { status, body } = await app.send('POST', '/api/users', { json });
    expect([status, body.code]).toEqual([400, 'name_taken']);
  });
});
