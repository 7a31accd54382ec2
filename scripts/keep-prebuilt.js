/**
 * Restores the line `"gypfile": false` of better-sqlite3 in package-lock.json. npm runs this script
 * after each change of node_modules (lifecycle script `dependencies`).
 *
 * The manifest of the package has this field, because the package contains its binaries, but npm
 * does not copy the field to the lock file. Without it `npm ci` calls node-gyp, which needs a
 * compiler and the headers of Node.
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
