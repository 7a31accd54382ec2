import { AppConfig } from '../../src/config/app-config.js';
import type { Database } from '../../src/database/database.js';
import { openDatabase } from '../../src/database/database.module.js';
import { KeyTable } from '../../src/keys/key-table.js';
import { keyCommands } from './key-commands.js';
import type { TestDatabase } from './test-database.js';

/** A secret that `JWT_KEYS_SECRET` accepts. */
export const KEYS_SECRET = 'a secret of the tests that seals keys, and that is long enough for it';

/** The settings of a service that keeps its keys in the database. */
export const keysInDatabase = {
  JWT_KEYS: 'database',
  JWT_KEYS_SECRET: KEYS_SECRET,
  // `TestDatabase.settings` names a file.
  JWT_KEYS_FILE: '',
};

/** A connection to the database of a running service, as `npm run keys` opens one. */
export interface KeyConnection extends ReturnType<typeof keyCommands> {
  database: Database;
  table: KeyTable;
  close(): Promise<void>;
}

/** @param env the settings of the service */
export async function openKeys(
  { settings }: TestDatabase,
  env: Record<string, string>,
): Promise<KeyConnection> {
  const config = AppConfig.from({ ...settings, ...keysInDatabase, ...env });
  const { keyStore } = config.jwt;
  if ('file' in keyStore) throw new Error('The settings keep the keys in a file.');
  const database = await openDatabase(config.database);
  const table = new KeyTable(database, keyStore);
  return {
    database,
    table,
    close: () => database.close(),
    ...keyCommands(config.jwt, table),
  };
}
