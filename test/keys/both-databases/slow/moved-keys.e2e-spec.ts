import { afterEach, describe, expect, it } from '@jest/globals';
import { move } from '../../../../scripts/admin/move/move.js';
import { databaseSettingsOf } from '../../../../src/config/app-config.js';
import { TokenKeys } from '../../../../src/keys/token-keys.js';
import { keysInDatabase, openKeys } from '../../../support/database-keys.js';
import { bootApp } from '../../../support/test-app.js';
import {
  createDatabase,
  createSqliteDatabase,
  type TestDatabase,
} from '../../../support/test-database.js';

const quiet = { update: () => undefined, stop: () => undefined };
const settingsOf = ({ url }: TestDatabase) =>
  databaseSettingsOf(url, { create: true, prepare: false })!;

describe('A move of a database with keys', () => {
  let databases: TestDatabase[] = [];
  afterEach(() => Promise.all(databases.map((database) => database.drop())));

  it('keeps the keys and the tokens on the way to PostgreSQL and back', async () => {
    databases = [
      await createSqliteDatabase(),
      await createDatabase(),
      await createSqliteDatabase(),
    ];
    const [first, ...others] = databases;
    const keys = await openKeys(first!, { JWT_SECRET_KEY: '' });
    const kid = await keys.add('ES256');
    await keys.use(kid);
    await keys.close();
    const start = (database: TestDatabase) =>
      bootApp(
        { ...keysInDatabase, JWT_SECRET_KEY: '', NODE_ENV: 'production' },
        { database: { ...database, drop: async () => undefined } },
      );
    let app = await start(first!);
    const { access } = await app.newLogin();
    let from = first!;
    for (const to of others) {
      await app.app.close();
      const tables = await move(settingsOf(from), settingsOf(to), quiet);
      expect(tables).toContainEqual({ name: 'token_keys', rows: 1, sha256: expect.any(String) });
      app = await start(to);
      expect(app.app.get(TokenKeys).ring.signing.id).toBe(kid);
      expect((await app.get('/auth/me', { token: access })).status).toBe(200);
      from = to;
    }
    await app.app.close();
  });
});
