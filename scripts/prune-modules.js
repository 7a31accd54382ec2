/**
 * Removes from node_modules what no running service reads: declarations and source maps of packages,
 * TypeScript (an optional peer of @nestjs/swagger, which only its compiler plugin uses), TypeORM's
 * code for browsers, the sources of SQLite, the binaries of other platforms, and the typed client,
 * which only its users need. Licenses stay.
 *
 *     npm ci --omit=dev && node scripts/prune-modules.js
 */
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const modules = fileURLToPath(new URL('../node_modules', import.meta.url));
const UNUSED_FILES = /\.(map|d\.[cm]?ts)$/;
const UNUSED_FOLDERS = [
  'typescript',
  'typeorm/browser',
  'better-sqlite3/deps',
  'better-sqlite3-12/deps',
  ...clientPackages(),
];
/** `linux-x64.node`, and `linuxmusl-x64.node` for Alpine. */
const OWN_BINARY = new RegExp(`^${process.platform}(musl)?-${process.arch}\\.node$`);

if (existsSync(join(modules, 'jest'))) {
  console.error('The development dependencies are installed; run npm ci --omit=dev first.');
  process.exit(1);
}
const before = sizeOf(modules);
for (const folder of UNUSED_FOLDERS)
  rmSync(join(modules, folder), { recursive: true, force: true });
for (const path of filesOf(modules)) {
  if (UNUSED_FILES.test(path) || isForeignBinary(path)) rmSync(path);
}
console.log(`node_modules: ${inMegabytes(before)}, now ${inMegabytes(sizeOf(modules))}`);

/** The link to the typed client, and its own packages. An image does not have its folder. */
function clientPackages() {
  const manifest = new URL('../packages/client/package.json', import.meta.url);
  if (!existsSync(manifest)) return [];
  const { name } = JSON.parse(readFileSync(manifest, 'utf8'));
  return [name, 'openapi-fetch', 'openapi-typescript-helpers'];
}

function isForeignBinary(path) {
  const [, name] = /[\\/]prebuilds[\\/]([^\\/]+\.node)$/.exec(path) ?? [];
  return name !== undefined && !OWN_BINARY.test(name);
}

function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}

/** Bytes on the disk, in blocks of 4 KiB. */
function sizeOf(folder) {
  return filesOf(folder).reduce(
    (total, path) => total + Math.ceil(statSync(path).size / 4096) * 4096,
    0,
  );
}

function inMegabytes(bytes) {
  return `${(bytes / 1_000_000).toFixed(0)} MB`;
}
