import { statSync } from 'node:fs';
import pg from 'pg';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { loadSqliteDriver } from '../../../../src/database/sqlite/sqlite-driver.js';
import { adminJson, runAdmin, startAdmin } from '../../../support/admin.js';
import { addSessions } from '../../../support/many-rows.js';
import { bootApp, type TestApp } from '../../../support/test-app.js';
import {
  createDatabase,
  createSqliteDatabase,
  type TestDatabase,
} from '../../../support/test-database.js';

// Each command is a process of its own, which takes seconds to start on a busy machine.
jest.setTimeout(180_000);

const fileOf = ({ folder }: TestDatabase) => join(folder, 'app.sqlite');

// Both databases take part, so it only runs if there is a PostgreSQL server.
describe('npm run admin -- move', () => {
  const databases: TestDatabase[] = [];
  const apps: TestApp[] = [];

  afterEach(async () => {
    for (const app of apps.splice(0)) await app.app.close();
    for (const database of databases.splice(0)) await database.drop();
  });

  const newSqlite = async () => {
    const database = await createSqliteDatabase();
    databases.push(database);
    return database;
  };
  const newPostgres = async () => {
    const database = await createDatabase();
    databases.push(database);
    return database;
  };
  const boot = async (database: TestDatabase) => {
    const app = await bootApp({}, { database });
    apps.push(app);
    return app;
  };
  const stop = async (app: TestApp) => {
    await app.app.close();
    apps.splice(apps.indexOf(app), 1);
  };
  const run = (from: TestDatabase, to: TestDatabase) => runAdmin(from, ['move', to.url]);
  const moved = async (from: TestDatabase, to: TestDatabase) => {
    const { tables } = await adminJson<{ tables: { name: string; rows: number }[] }>(from, [
      ...['move', to.url],
    ]);
    return Object.fromEntries(tables.map(({ name, rows }) => [name, rows]));
  };
  const refused = async (from: TestDatabase, to: TestDatabase, message: string) => {
    const { status, output } = await run(from, to);
    expect([status, output]).toEqual([1, expect.stringContaining(message)]);
  };

  it('does not use ids of deleted rows again, and lets triggers run afterwards', async () => {
    const [sqlite, postgres, back] = [await newSqlite(), await newPostgres(), await newSqlite()];
    let app = await boot(sqlite);
    const last = await app.newUser();
    const { access: token } = await app.newLogin('admin');
    await app.send('DELETE', `/api/users/${last.id}`, { token });
    for (const [from, to] of [
      [sqlite, postgres],
      [postgres, back],
    ] as const) {
      await stop(app);
      await moved(from, to);
      app = await boot(to);
      const user = await app.newUser();
      expect(user.id).toBeGreaterThan(last.id + 1);
      const [row] = await app.sql(async (manager) => {
        await manager.query(`UPDATE users SET admin = TRUE WHERE id = ${user.id}`);
        return manager.query<{ role: string }[]>(
          `SELECT role FROM user_roles WHERE user_id = ${user.id}`,
        );
      });
      expect(row).toEqual({ role: 'admin' });
    }
  });

  it.each(['to PostgreSQL', 'to SQLite'])(
    'continues %s after it was killed, and no service starts until then',
    async (direction) => {
      const pair = [await newSqlite(), await newPostgres()] as const;
      const [from, to] = direction === 'to SQLite' ? [pair[1], pair[0]] : pair;
      const app = await boot(from);
      const user = await app.newLogin();
      await addSessions(app, user.id, 40_000);
      await stop(app);
      await kill(from, to);

      await expect(boot(to)).rejects.toThrow(/The database is incomplete/);
      const doctor = await runAdmin(to, ['doctor']);
      expect(doctor.stdout).toMatch(/^problem +migrations +The database is incomplete/m);
      const rows = await rowsOf(to);
      expect(rows).toBeGreaterThan(0);
      expect(rows).toBeLessThan(40_001);
      await refused(
        direction === 'to SQLite' ? await newPostgresWithTables() : await newSqliteWithTables(),
        to,
        'of another source',
      );
      expect(await moved(from, to)).toMatchObject({ sessions: 40_001 });
      const target = await boot(to);
      expect((await target.get('/auth/me', { token: user.access })).status).toBe(200);
    },
  );

  it('copies tables again that have changed since an interruption', async () => {
    const [from, to] = [await newSqlite(), await newPostgres()];
    let app = await boot(from);
    const user = await app.newLogin();
    await addSessions(app, user.id, 20_000);
    await stop(app);
    await kill(from, to);
    app = await boot(from);
    await app.send('DELETE', '/auth/logout2', { token: user.refresh });
    const later = await app.newLogin();
    await stop(app);
    await moved(from, to);
    app = await boot(to);
    expect((await app.get('/auth/me', { token: user.access })).status).toBe(401);
    expect((await app.get('/auth/me', { token: later.access })).status).toBe(200);
  });

  it('refuses while a service uses one of the databases', async () => {
    const [sqlite, postgres] = [await newSqlite(), await newPostgres()];
    const app = await boot(sqlite);
    await refused(sqlite, postgres, 'Stop the service; nothing was changed.');
    await stop(app);
    await boot(postgres);
    await refused(sqlite, postgres, 'Stop all instances; nothing was changed.');
    await refused(postgres, await newSqlite(), 'Stop all instances; nothing was changed.');
  });

  it('refuses a target that has rows, and a source without tables', async () => {
    const [sqlite, postgres] = [await newSqlite(), await newPostgres()];
    const apps = [await boot(sqlite), await boot(postgres)];
    for (const app of apps) await stop(app);
    await refused(sqlite, postgres, 'The target is not empty');
    await refused(postgres, sqlite, 'The target is not empty');
    await refused(await newPostgres(), await newSqlite(), 'does not have the migrations');
    await refused(await newSqlite(), postgres, 'does not exist');
    await refused(sqlite, await newSqlite(), 'the same engine');
  });

  it('refuses a PostgreSQL database of another program, and creates no table in it', async () => {
    const [sqlite, postgres] = [await newSqlite(), await newPostgres()];
    await stop(await boot(sqlite));
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    try {
      await client.query('CREATE TABLE theirs (a integer)');
      await refused(
        sqlite,
        postgres,
        'such as theirs. Use an empty database; nothing was changed.',
      );
      const { rows } = await client.query(
        'SELECT tablename FROM pg_tables WHERE schemaname = current_schema()',
      );
      expect(rows).toEqual([{ tablename: 'theirs' }]);
    } finally {
      await client.end();
    }
  });

  it('refuses a URL that is invalid or contains a password', async () => {
    const database = await newSqlite();
    for (const url of [
      'nowhere',
      'postgres://user:password@127.0.0.1/name',
      'postgres://user@127.0.0.1/name?password=secret',
    ]) {
      const { status, output } = await runAdmin(database, ['move', url]);
      expect([status, output]).toEqual([2, expect.stringMatching(/^Usage: npm run admin -- move/)]);
    }
  });

  it('names the table with a text that PostgreSQL cannot store, and continues after a repair', async () => {
    const [from, to] = [await newSqlite(), await newPostgres()];
    const app = await boot(from);
    const user = await app.newUser();
    await stop(app);
    const { Sqlite } = loadSqliteDriver();
    const change = (sql: string) => {
      const connection = new Sqlite(fileOf(from));
      connection.prepare(sql).run();
      connection.close();
    };
    change(`UPDATE users SET public_id = 'a' || char(0) || 'b' WHERE id = ${user.id}`);
    await refused(from, to, 'The table users was not copied');
    change(`UPDATE users SET public_id = 'repaired' WHERE id = ${user.id}`);
    await moved(from, to);
    const target = await boot(to);
    await target.login(user);
  });

  /** Starts a move, and kills it while it copies the sessions. */
  const kill = async (from: TestDatabase, to: TestDatabase) => {
    const child = startAdmin(from, ['move', to.url]);
    let output = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (output += text));
    const ended = once(child, 'close');
    // The table of sessions comes next, because the tables between are empty.
    while (!output.includes('copy audit_entries')) {
      const outcome = await Promise.race([once(child.stderr!, 'data'), ended.then(() => 'ended')]);
      if (outcome === 'ended') throw new Error(`The move ended before it was killed: ${output}`);
    }
    while (!(await hasRows(to))) await sleep(5);
    child.kill('SIGKILL');
    await ended;
    expect(output).not.toContain('copy sessions');
  };
  const newSqliteWithTables = async () => {
    const database = await newSqlite();
    await stop(await boot(database));
    return database;
  };
  const newPostgresWithTables = async () => {
    const database = await newPostgres();
    await stop(await boot(database));
    return database;
  };
  /**
   * Whether a move has committed sessions. It locks a SQLite file, which grows with its commits: an
   * empty one has less than 200 kB, and a thousand sessions have more than that.
   */
  const hasRows = async (database: TestDatabase): Promise<boolean> => {
    const file = database.url.replace(/^sqlite:/, '');
    if (file === database.url) return (await rowsOf(database)) > 0;
    const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    return sizeOf(file) + sizeOf(`${file}-wal`) > 1_000_000;
  };
  /** Counts the sessions of a database that no service can open. */
  const rowsOf = async ({ url }: TestDatabase): Promise<number> => {
    const sql = 'SELECT COUNT(*) AS count FROM sessions';
    if (url.startsWith('postgres')) {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      const { rows } = await client.query<{ count: string }>(sql);
      await client.end();
      return Number(rows[0]?.count);
    }
    const { Sqlite } = loadSqliteDriver();
    const connection = new Sqlite(url.slice('sqlite:'.length), { readonly: true });
    const row = connection.prepare<[], { count: number }>(sql).get();
    connection.close();
    return row!.count;
  };
});
