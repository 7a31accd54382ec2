import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RevokedToken } from '../../src/sessions/revoked-token.entity.js';
import { Session } from '../../src/sessions/session.entity.js';
import { migrations } from '../../src/database/migrations.js';
import { addSessions } from '../support/many-rows.js';
import { openMigrationSource } from '../support/migration-source.js';
import { bootFixtureApp } from '../support/fixture-app.js';
import { SECRET } from '../support/test-app.js';
import { createDatabase, engine, type TestDatabase } from '../support/test-database.js';

/** Defines tests that apply to one of the two databases only. */
const on = (wanted: typeof engine, name: string, tests: () => void): void => {
  if (engine === wanted) describe(name, tests);
};

describe('The database', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createDatabase();
  });
  afterEach(() => database.drop());

  const open = () => openMigrationSource(database);

  it('creates the schema that the entities describe', async () => {
    await (await bootFixtureApp({}, { database })).app.close();
    const source = await open();
    const { upQueries } = await source.driver.createSchemaBuilder().log();
    expect(upQueries.map(({ query }) => query)).toEqual([]);
    await source.destroy();
  });

  it.each([
    ['a table', 'DROP TABLE scrolls', 'table scrolls (entity Scroll)'],
    [
      'a column',
      'ALTER TABLE crates RENAME COLUMN packed_by TO packer',
      'column crates.packed_by (entity Crate)',
    ],
    ['an index', 'DROP INDEX crates_count_desc_idx', 'index crates_count_desc_idx (entity Crate)'],
  ])(
    'refuses to start if the database lacks %s, and names it with its entity',
    async (_, statement, missing) => {
      await (await bootFixtureApp({}, { database })).app.close();
      const source = await open();
      await source.query(statement);
      await source.destroy();
      await expect(bootFixtureApp({}, { database })).rejects.toThrow(
        `The database has no ${missing}. Add a migration that creates what is missing: npm run generate -- migration <name>.`,
      );
    },
  );

  it('reverts all migrations, and runs them again', async () => {
    const source = await open();
    await source.runMigrations();
    for (const _ of migrations) await source.undoLastMigration();
    const runner = source.createQueryRunner();
    for (const { tableName } of source.entityMetadatas) {
      expect(await runner.hasTable(tableName)).toBe(false);
    }
    await runner.release();
    expect(await source.runMigrations()).toHaveLength(migrations.length);
    await source.destroy();
  });

  it('keeps sessions when the migration of their successors is reverted and run again', async () => {
    const source = await open();
    await source.runMigrations();
    await source.query(
      "INSERT INTO sessions (id, subject, created_at, last_used_at, expires_at) VALUES ('a', '1', 1, 2, 3)",
    );
    const runner = source.createQueryRunner();
    while (await runner.hasColumn('sessions', 'spent_range')) {
      await source.undoLastMigration();
    }
    await source.query("UPDATE sessions SET successor = 'sealed without a key', spent_at = 4");
    await source.runMigrations();
    const [session] = await source.getRepository(Session).find();
    expect(session).toMatchObject({
      ...{ id: 'a', subject: '1', createdAt: 1, lastUsedAt: 2, expiresAt: 3, rotatedAt: 4 },
      ...{ successor: null, rotatedByRange: null, repeats: 0, repeatedElsewhere: false },
      passwordAttempts: 0,
    });
    await runner.release();
    await source.destroy();
  });

  it('keeps users and rows when the application restarts', async () => {
    let app = await bootFixtureApp({}, { database });
    const { access } = await app.login({ name: 'guest', password: 'guest' });
    expect((await app.newCrate(access)).id).toBe(16);
    await app.send('DELETE', '/api/crates/1', { token: access });
    app = await app.restart();
    expect((await app.get<{ id: number }[]>('/api/crates')).body.map(({ id }) => id)).toEqual(
      Array.from({ length: 15 }, (_, i) => i + 2),
    );
    expect((await app.get<unknown[]>('/api/users')).body).toHaveLength(2);
    await app.app.close();
  });

  it('rolls back all migrations if one fails in the middle', async () => {
    const source = await open();
    // The first migration creates this table last, so that it fails in the middle.
    await source.query('CREATE TABLE revoked_tokens (x integer)');
    await expect(bootFixtureApp({}, { database })).rejects.toThrow(/revoked_tokens/);
    const runner = source.createQueryRunner();
    for (const table of ['users', 'crates', 'sessions']) {
      expect(await runner.hasTable(table)).toBe(false);
    }
    await source.query('DROP TABLE revoked_tokens');
    await runner.release();
    await source.destroy();
    const app = await bootFixtureApp({}, { database });
    expect((await app.get<unknown[]>('/api/crates')).body).toHaveLength(15);
    await app.app.close();
  });

  it('deletes expired rows at the start', async () => {
    const app = await bootFixtureApp({}, { database });
    await app.sql((manager) => manager.insert(RevokedToken, { jti: 'old', expiresAt: 1 }));
    const again = await app.restart();
    const count = () => again.sql((manager) => manager.countBy(RevokedToken, { jti: 'old' }));
    while ((await count()) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await again.app.close();
  });

  on('sqlite', 'in a SQLite file', () => {
    const file = () => join(database.folder, 'app.sqlite');

    it('creates the database file and its folder', async () => {
      const url = `sqlite:${join(database.folder, 'not', 'yet', 'there.sqlite')}`;
      const app = await bootFixtureApp({ DATABASE_URL: url }, { database });
      expect(statSync(url.slice('sqlite:'.length)).size).toBeGreaterThan(0);
      await app.app.close();
    });

    it('stores a generated secret beside the database file, readable by its owner only', async () => {
      const env = { DATABASE_URL: database.url, JWT_SECRET_KEY: '' };
      const app = await bootFixtureApp(env, { database });
      const secret = join(database.folder, 'jwt-secret');
      expect(statSync(secret).mode & 0o777).toBe(0o600);
      expect(readFileSync(secret, 'utf8').trim().length).toBeGreaterThanOrEqual(64);
      const { access } = await app.login({ name: 'user', password: 'password' });
      const again = await app.restart();
      expect((await again.get('/auth/me', { token: access })).status).toBe(200);
      await again.app.close();
      expect(readdirSync(database.folder)).not.toContainEqual(
        expect.stringMatching(/jwt-secret\./),
      );
    });

    it('refuses to start with a truncated secret', async () => {
      writeFileSync(join(database.folder, 'jwt-secret'), 'short');
      await expect(bootFixtureApp({ JWT_SECRET_KEY: '' }, { database })).rejects.toThrow(
        /jwt-secret is shorter than 64 characters; delete the file/,
      );
    });

    it.each([
      ['not a database', () => writeFileSync(file(), 'text, and no database\n'.repeat(500))],
      ['truncated', () => truncateSync(file(), statSync(file()).size - 8192)],
      [
        'partly overwritten',
        () => {
          const bytes = readFileSync(file());
          bytes.fill(0xaa, 4096, 8192);
          writeFileSync(file(), bytes);
        },
      ],
    ])(
      'refuses a database file that is %s with one message, and leaves it unchanged',
      async (_, damage) => {
        const app = await bootFixtureApp({}, { database });
        await app.app.close();
        damage();
        const before = readFileSync(file());
        await expect(bootFixtureApp({}, { database })).rejects.toThrow(
          /The database file .*app\.sqlite is damaged: .+ It was not changed/,
        );
        expect(readFileSync(file()).equals(before)).toBe(true);
      },
    );
  });

  on('postgres', 'on a PostgreSQL server', () => {
    it('answers 503 after a timeout while another client holds a lock on a table', async () => {
      const app = await bootFixtureApp({}, { database });
      const { access: token } = await app.login({ name: 'user', password: 'password' });
      const source = await open();
      const runner = source.createQueryRunner();
      await runner.startTransaction();
      await runner.query('LOCK TABLE crates IN EXCLUSIVE MODE');
      const { status, body, headers } = await app.send('DELETE', '/api/crates/1', { token });
      expect([status, body.code]).toEqual([503, 'service_unavailable']);
      expect(headers.get('retry-after')).toBe('1');
      await runner.rollbackTransaction();
      expect((await app.send('DELETE', '/api/crates/1', { token })).status).toBe(204);
      await source.destroy();
      await app.app.close();
    });

    it('finds the session of a token by its id, whatever the statistics say', async () => {
      const app = await bootFixtureApp({}, { database });
      const { id, access: token } = await app.newLogin();
      const query = (text: string) => app.sql((manager) => manager.query(text));
      // Statistics from before the subject had many sessions.
      await query('ALTER TABLE sessions SET (autovacuum_enabled = false)');
      await query('ANALYZE sessions');
      await addSessions(app, id, 20_000);
      await query('SELECT pg_stat_reset()');
      for (let i = 0; i < 5; i++) expect((await app.get('/auth/me', { token })).status).toBe(200);
      // A connection reports its statistics once a second, and when it is closed.
      await app.app.close();
      const source = await open();
      const [{ read } = { read: '' }] = await source.query<{ read: string }[]>(
        'SELECT sum(idx_tup_read) AS read FROM pg_stat_user_indexes',
      );
      await source.destroy();
      expect(Number(read)).toBeGreaterThan(4);
      expect(Number(read)).toBeLessThan(1000);
    });

    it('recovers from the loss of every connection, with 503 as the only error', async () => {
      const app = await bootFixtureApp({}, { database });
      const { access: token } = await app.login({ name: 'user', password: 'password' });
      await app.sql((manager) =>
        manager.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND pid <> pg_backend_pid()`,
        ),
      );
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => app.get('/auth/me', { token })),
      );
      for (const { status } of answers) expect([200, 503]).toContain(status);
      expect((await app.get('/auth/me', { token })).status).toBe(200);
      await app.newCrate(token);
      await app.app.close();
    });

    it.each([
      ['is not running', 'postgres://postgres@127.0.0.1:1/none'],
      ['does not have the database', () => `${database.url}_none`],
    ])('refuses to start with a PostgreSQL server that %s', async (_, url) => {
      const env = { DATABASE_URL: typeof url === 'string' ? url : url(), JWT_SECRET_KEY: SECRET };
      await expect(bootFixtureApp(env, { database })).rejects.toThrow(
        /The PostgreSQL server of DATABASE_URL cannot be used: .+ Is it running/,
      );
    });
  });
});
