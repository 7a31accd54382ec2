/**
 * Makes sure that dist/ holds the built service. It builds where the Nest CLI is installed; without
 * development dependencies it uses what was built before, or says how to build, and ends with 1.
 *
 *     node scripts/ensure-built.js [--if-missing]
 *
 * With `--if-missing` an existing build is never replaced: a running service may be using it.
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
  console.error(`The service is not built: there is no dist/src/main.js, and the packages that build it are
not installed. Install them and build:

    npm ci --include=dev && npm run build

Afterwards \`npm prune --omit=dev\` may remove them again.`);
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
