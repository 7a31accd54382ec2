import { AppConfig } from '../src/config/app-config.js';
import { JWT_ALGORITHMS, type JwtAlgorithm } from '../src/config/jwt-algorithms.js';
import { addKey, listKeys, retireKey, useKey } from '../src/keys/manage-keys.js';
import { runCommand } from './run-command.js';

const usage = `Usage: npm run keys -- list | add [algorithm] | use <kid> | retire <kid>
  list    lists the keys and shows which one signs
  add     generates a key (${JWT_ALGORITHMS.join(', ')}), which verifies from now on
  use     makes a key sign; the previous key still verifies
  retire  removes a key; the service refuses its tokens from now on`;

/** Manages the keys that sign and verify tokens. The service may be running. */
const [verb, word] = process.argv.slice(2);
await runCommand(() => {
  const output = run(AppConfig.load({ needsKey: false }));
  if (output === null) {
    console.error(usage);
    process.exitCode = 2;
  }
  return output ?? undefined;
});

function run({ jwt, ...config }: AppConfig): string | null {
  const lifetime = Math.max(config.accessTokenLifetime, config.refreshTokenLifetime);
  if (verb === 'list' && word === undefined) return listKeys(jwt);
  if (verb === 'add' && (word === undefined || isAlgorithm(word))) {
    return addKey(jwt, word ?? jwt.algorithm);
  }
  if (word === undefined) return null;
  if (verb === 'use') return useKey(jwt, word, lifetime);
  return verb === 'retire' ? retireKey(jwt, word) : null;
}

function isAlgorithm(name: string): name is JwtAlgorithm {
  return JWT_ALGORITHMS.some((algorithm) => algorithm === name);
}
