import type { JwtAlgorithm } from '../../src/config/jwt-algorithms.js';
import type { JwtSettings } from '../../src/config/jwt-settings.js';
import { KeyFile } from '../../src/keys/key-file.js';
import type { KeyStore } from '../../src/keys/key-store.js';
import { addKey, listKeys, retireKey, useKey } from '../../src/keys/manage-keys.js';

/** The commands of `npm run keys`, by default on the key file of the settings. */
export function keyCommands(jwt: JwtSettings, store: KeyStore = keyFileOf(jwt)) {
  return {
    /** Adds a key, and returns its id. */
    add: async (algorithm: JwtAlgorithm) => (await addKey(store, algorithm)).split(' ')[0]!,
    use: (id: string) => useKey(store, jwt, { id, lifetime: 30 * 86_400 }),
    retire: (id: string) => retireKey(store, jwt, id),
    list: () => listKeys(store, jwt),
  };
}

function keyFileOf({ keyStore }: JwtSettings): KeyFile {
  if ('file' in keyStore) return new KeyFile(keyStore.file);
  throw new Error('The keys are in the database: give its store.');
}
