/**
 * Makes sure that dist/ holds the built service. If the Nest CLI is installed, the script builds
 * the service. Without development dependencies it keeps an existing build; if there is none, it
 * says how to build and exits with 1.
 *
 *     node scripts/ensure-built.js [--if-missing]
 *
 * With `--if-missing` it never replaces an existing build, which a running service may be using.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);
const isBuilt = existsSync(new URL('dist/src/main.js', root));
const cli = findNestCli();

if (isBuilt && (!cli || process.argv.includes('--if-missing'))) process.exit(0);
if (!cli) {
  console.error(`The service is not built: dist/src/main.js is missing, and so are the development
packages that build it. Install them and build:

    npm ci --include=dev && npm run build

Afterwards you can remove them again: npm prune --omit=dev`);
  process.exit(1);
}
const build = spawnSync(process.execPath, [cli, 'build'], {
  cwd: fileURLToPath(root),
  stdio: 'inherit',
});
process.exit(build.status ?? 1);

/** @returns {string | null} the file that runs the Nest CLI */
function findNestCli() {
  try {
    return createRequire(import.meta.url).resolve('@nestjs/cli/bin/nest.js');
  } catch {
    return null;
  }
}
