import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { move } from '../../../../scripts/admin/move/move.js';
import { databaseSettingsOf } from '../../../../src/config/app-config.js';
import { bootFixtureApp } from '../../../support/fixture-app.js';
import { addScrolls } from '../../../support/many-rows.js';
import type { TestApp } from '../../../support/test-app.js';
import {
  createDatabase,
  createSqliteDatabase,
  type TestDatabase,
} from '../../../support/test-database.js';

const quiet = { update: () => undefined, stop: () => undefined };
const LARGEST_ID = 2 ** 31 - 2;

const settingsOf = ({ url }: TestDatabase) =>
  databaseSettingsOf(url, { create: true, prepare: false })!;

// Both databases take part, so it only runs if there is a PostgreSQL server.
describe('A move of a database with features', () => {
  let databases: [TestDatabase, TestDatabase, TestDatabase];
  let app: TestApp;

  beforeEach(async () => {
    databases = [
      await createSqliteDatabase(),
      await createDatabase(),
      await createSqliteDatabase(),
    ];
  });
  afterEach(async () => {
    await app.app.close();
    for (const database of databases) await database.drop();
  });

  it('keeps tokens, ids, texts and rows of features on the way to PostgreSQL and back', async () => {
    const [sqlite, postgres, back] = databases;
    app = await bootFixtureApp({}, { database: sqlite });
    const admin = await app.newLogin('admin');
    const name = `Łeia “Ω” 漢字 🚀 ${randomBytes(4).toString('hex')}`;
    const created = await app.send('POST', '/api/users', { json: { name, password: 'a word' } });
    expect(created.status).toBe(201);
    const tokens = await app.login({ name, password: 'a word' });
    const ended = await app.login({ name, password: 'a word' });
    await app.send('DELETE', '/auth/logout2', { token: ended.refresh });
    await app.send('DELETE', '/auth/logout', { token: admin.access });
    await addScrolls(app, admin.id, 2500);
    await app.sql(async (manager) => {
      await manager.query(
        `INSERT INTO scrolls (id, user_id, title, topic, priority)
         VALUES (${LARGEST_ID - 1}, ${admin.id}, 'Straße\n"Æ"', '', ${Number.MAX_SAFE_INTEGER})`,
      );
      // The id of a deleted row is not used again.
      await manager.query(
        `INSERT INTO scrolls (id, user_id, title, topic, priority)
         VALUES (${LARGEST_ID}, ${admin.id}, 'deleted', '', NULL)`,
      );
      await manager.query(`DELETE FROM scrolls WHERE id = ${LARGEST_ID}`);
    });
    const crates = (await app.get('/api/crates')).body;
    let refresh = tokens.refresh;

    for (const [from, to] of [
      [sqlite, postgres],
      [postgres, back],
    ] as const) {
      await app.app.close();
      const tables = await move(settingsOf(from), settingsOf(to), quiet);
      expect(tables).toEqual(
        expect.arrayContaining([
          { name: 'scrolls', rows: 2501, sha256: expect.any(String) },
          { name: 'revoked_tokens', rows: 1, sha256: expect.any(String) },
        ]),
      );
      app = await bootFixtureApp({}, { database: to });
      const me = await app.get('/auth/me', { token: tokens.access });
      expect([me.status, me.body]).toEqual([200, expect.objectContaining({ name })]);
      for (const { access: token } of [ended, admin]) {
        expect((await app.get('/auth/me', { token })).status).toBe(401);
      }
      const refreshed = await app.send<{ refresh_token: string }>('POST', '/auth/refresh', {
        token: refresh,
      });
      expect(refreshed.status).toBe(200);
      refresh = refreshed.body.refresh_token;
      expect((await app.get('/api/crates')).body).toEqual(crates);
      const { access: token } = await app.login(admin);
      const scroll = (await app.get(`/api/scrolls/${LARGEST_ID - 1}`, { token })).body;
      expect(scroll).toMatchObject({
        ...{ id: LARGEST_ID - 1, title: 'Straße\n"Æ"' },
        priority: Number.MAX_SAFE_INTEGER,
      });
      expect((await app.get('/auth/me', { token })).body).toMatchObject({ roles: ['admin'] });
    }
    const { id } = await app.newUser();
    expect(id).toBeGreaterThan((created.body as { id: number }).id);
  });
});
