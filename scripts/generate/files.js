import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { format, resolveConfig } from 'prettier';

export const root = join(import.meta.dirname, '..', '..');

/** A name of a resource or a migration, such as `star-maps`. */
export function requireName(name) {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
    throw new Error(`${name} is not a name: use lower-case letters and digits, such as star-maps.`);
  }
}

/** A timestamp after that of the last migration. */
export function nextTimestamp() {
  const stamps = readdirSync(join(root, 'migrations')).map(
    (file) => Number.parseInt(file, 10) || 0,
  );
  return Math.max(Date.now(), ...stamps.map((stamp) => stamp + 1));
}

/**
 * Formats a text in the way of the repository.
 *
 * @param {string} path
 * @param {string} text
 */
export async function pretty(path, text) {
  const options = await resolveConfig(join(root, path));
  return format(text, { ...options, filepath: path });
}

/**
 * Writes files, and says which.
 *
 * @param {[path: string, text: string][]} files
 */
export function write(files) {
  for (const [path, text] of files) {
    console.log(existsSync(join(root, path)) ? `changed ${path}` : `created ${path}`);
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

/** @param {string} script of package.json */
export function npmRun(script) {
  const { status } = spawnSync('npm', ['run', '--silent', script], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`npm run ${script} failed.`);
}
