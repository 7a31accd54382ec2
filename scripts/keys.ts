import 'reflect-metadata';
import { AppConfig } from '../src/config/app-config.js';
import { JWT_ALGORITHMS, type JwtAlgorithm } from '../src/config/jwt-algorithms.js';
import { openWithoutReplica } from '../src/database/database.module.js';
import { importKeys, resealKeys } from '../src/keys/database-key-commands.js';
import { KeyFile } from '../src/keys/key-file.js';
import type { KeyStore } from '../src/keys/key-store.js';
import { KeyTable } from '../src/keys/key-table.js';
import { addKey, listKeys, retireKey, useKey } from '../src/keys/manage-keys.js';
import { runCommand } from './run-command.js';

const usage = `Usage: npm run keys -- list | add [algorithm] | use <kid> | retire <kid> | import <file> | reseal
  list    lists the keys and shows which one signs
  add     generates a key (${JWT_ALGORITHMS.join(', ')}), which verifies from now on
  use     makes a key sign; the previous key still verifies
  retire  removes a key; the service refuses its tokens from now on
With JWT_KEYS=database:
  import  copies the keys of a key file to the database
  reseal  seals the keys with JWT_KEYS_SECRET, after it was changed`;

type Command = (store: KeyStore) => Promise<string>;

/** Manages the keys that sign and verify tokens. The service may be running. */
const [verb, word] = process.argv.slice(2);
await runCommand(async () => {
  const config = AppConfig.load({ needsKey: false });
  const command = commandOf(config);
  if (command) return withKeyStore(config, command);
  console.error(usage);
  process.exitCode = 2;
  return undefined;
});

/** Returns the command of the arguments; null if they are invalid. */
function commandOf({ jwt, ...config }: AppConfig): Command | null {
  const lifetime = Math.max(config.accessTokenLifetime, config.refreshTokenLifetime);
  if (verb === 'add' && (word === undefined || isAlgorithm(word))) {
    return (store) => addKey(store, word ?? jwt.algorithm);
  }
  if (word === undefined) {
    if (verb === 'list') return (store) => listKeys(store, jwt);
    return verb === 'reseal' ? resealKeys : null;
  }
  if (verb === 'use') return (store) => useKey(store, jwt, { id: word, lifetime });
  if (verb === 'retire') return (store) => retireKey(store, jwt, word);
  return verb === 'import' ? (store) => importKeys(store, word) : null;
}

async function withKeyStore(config: AppConfig, command: Command): Promise<string> {
  const { keyStore } = config.jwt;
  if ('file' in keyStore) return command(new KeyFile(keyStore.file));
  const database = await openWithoutReplica(config.database);
  try {
    return await command(new KeyTable(database, keyStore));
  } finally {
    await database.close();
  }
}

function isAlgorithm(name: string): name is JwtAlgorithm {
  return JWT_ALGORITHMS.some((algorithm) => algorithm === name);
}
