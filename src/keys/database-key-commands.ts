import { isDeepStrictEqual } from 'node:util';
import { StartError } from '../errors/start-error.js';
import { noKeys } from './key-content.js';
import { KeyFile } from './key-file.js';
import { KeyRing } from './key-ring.js';
import type { KeyStore } from './key-store.js';

/*
 * The commands of `npm run keys` that need `JWT_KEYS=database`. As in `manage-keys.ts`, each returns
 * the text to print, and throws a StartError if it fails.
 */

/** Copies the keys of a key file to the database, which must not have other keys. */
export async function importKeys(store: KeyStore, file: string): Promise<string> {
  requireDatabase(store);
  const imported = new KeyFile(file).read();
  if (imported === null) throw new StartError(`The key file ${file} does not exist.`);
  // Refuses a signing key that is missing or retired.
  if (imported.signing !== null) new KeyRing(null, imported);
  await store.change((content) => {
    if (isDeepStrictEqual(content, imported)) return;
    if (!isDeepStrictEqual(content, noKeys())) {
      throw new StartError('The database has other keys already; nothing was changed.');
    }
    Object.assign(content, imported);
  });
  return `The database has the keys of ${file}. Delete the file when all instances run with JWT_KEYS=database.`;
}

/** Seals the keys with the current secret. */
export async function resealKeys(store: KeyStore): Promise<string> {
  requireDatabase(store);
  if ((await store.read()) === null) return 'There are no keys.';
  await store.change(() => undefined);
  return 'The keys are sealed with JWT_KEYS_SECRET. Remove JWT_KEYS_PREVIOUS_SECRET from the settings of all instances.';
}

function requireDatabase({ name }: KeyStore): void {
  if (name === 'database') return;
  throw new StartError('The command needs JWT_KEYS=database.');
}
