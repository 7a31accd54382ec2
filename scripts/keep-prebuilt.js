/**
 * Runs after each change of node_modules (npm's lifecycle script `dependencies`), and restores one
 * line of package-lock.json: `"gypfile": false` of better-sqlite3.
 *
 * The package says so itself, since it brings its binaries, but npm does not copy the field to the
 * lock file. Without it `npm ci` calls node-gyp, which needs a compiler and Node's headers.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const path = new URL('../package-lock.json', import.meta.url);
const text = readFileSync(path, 'utf8');
const lock = JSON.parse(text);
const driver = lock.packages['node_modules/better-sqlite3'];
if (driver && driver.gypfile !== false) {
  driver.gypfile = false;
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
}
