import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { backUp, restore } from '../../../scripts/backup/backup.js';
import { databaseSettingsOf } from '../../../src/config/app-config.js';
import { TokenKeys } from '../../../src/keys/token-keys.js';
import { runAdmin } from '../../support/admin.js';
import { keysInDatabase, openKeys } from '../../support/database-keys.js';
import { bootApp, SECRET, type TestApp } from '../../support/test-app.js';
import { createDatabase, type TestDatabase } from '../../support/test-database.js';

const production = { ...keysInDatabase, JWT_SECRET_KEY: '', NODE_ENV: 'production' };
const settingsOf = ({ url }: TestDatabase) =>
  databaseSettingsOf(url, { create: true, prepare: false })!;
const signingId = ({ app }: TestApp) => app.get(TokenKeys).ring.signing.id;

describe('A database with keys', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createDatabase();
  });
  afterEach(() => database.drop());

  const start = () =>
    bootApp(production, { database: { ...database, drop: async () => undefined } });
  /** Changes keys as `npm run keys` does. */
  const withKeys = async <T>(work: (keys: Awaited<ReturnType<typeof openKeys>>) => Promise<T>) => {
    const keys = await openKeys(database, { JWT_SECRET_KEY: '' });
    return work(keys).finally(() => keys.close());
  };
  const addSigningKey = () =>
    withKeys(async ({ add, use }) => {
      const kid = await add('ES256');
      await use(kid);
      return kid;
    });
  const statusOfMe = async (app: TestApp, token: string) =>
    (await app.get('/auth/me', { token })).status;

  it('has the same keys after a backup was restored', async () => {
    const kid = await addSigningKey();
    let app = await start();
    const { access } = await app.newLogin();
    const copy = join(database.folder, 'copy');
    backUp(settingsOf(database), copy);
    await app.app.close();
    const later = await addSigningKey();
    await withKeys(({ retire }) => retire(kid));

    await restore(settingsOf(database), copy, { endSessions: false });
    app = await start();
    expect(signingId(app)).toBe(kid);
    expect(app.app.get(TokenKeys).find(later)).toBeUndefined();
    expect(await statusOfMe(app, access)).toBe(200);
    await app.app.close();
  });

  it('is checked by doctor, which names the key that signs', async () => {
    const doctor = async (env: Record<string, string> = {}) => {
      const { JWT_KEYS_FILE: _, ...settings } = production;
      const { stdout } = await runAdmin(database, ['doctor', '--json'], {
        env: { ...settings, ...env },
      });
      const found = JSON.parse(stdout) as { check: string; status: string; message: string }[];
      return found
        .filter(({ check }) => check === 'keys')
        .map(({ status, message }) => [status, message]);
    };
    await withKeys(async () => undefined);
    const none = /^There is no signing key; create one with: npm run keys -- add/;
    expect(await doctor()).toEqual([['problem', expect.stringMatching(none)]]);
    expect(await doctor({ JWT_SECRET_KEY: SECRET })).toEqual([
      ['ok', expect.stringMatching(/^The key .+ signs \(HS256\)\.$/)],
    ]);
    const kid = await addSigningKey();
    expect(await doctor()).toEqual([['ok', `The key ${kid} signs (ES256).`]]);
    const renewed = {
      JWT_KEYS_SECRET: 'the next secret of the tests, which seals keys from now on',
    };
    expect(await doctor(renewed)).toEqual([
      ['problem', expect.stringMatching(/^The keys in the database cannot be opened/)],
    ]);
    const both = { ...renewed, JWT_KEYS_PREVIOUS_SECRET: keysInDatabase.JWT_KEYS_SECRET };
    expect(await doctor(both)).toEqual([
      [
        'warning',
        `The key ${kid} signs (ES256). JWT_KEYS_PREVIOUS_SECRET is set. Run npm run keys -- reseal, and remove it from the settings.`,
      ],
    ]);
  });
});
