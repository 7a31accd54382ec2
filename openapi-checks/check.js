/**
 * Checks the OpenAPI documents of a folder. Linters must not report errors or warnings, and
 * generated clients must compile together with the programs in `clients/`:
 *
 *     npm ci --prefix openapi-checks
 *     npm run check:openapi
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const generated = join(here, 'generated');
const require = createRequire(import.meta.url);

if (!existsSync(join(here, 'node_modules'))) {
  console.error(
    'The packages of openapi-checks are missing. Run `npm ci --prefix openapi-checks` first.',
  );
  process.exit(1);
}
const { default: openapiTypescript, astToString } = await import('openapi-typescript');
const { generateApi } = await import('swagger-typescript-api');

const folder = resolve(process.argv[2] ?? '');
const documents = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => join(folder, name));
if (documents.length === 0) throw new Error(`There is no OpenAPI document in ${folder}.`);

run('@redocly/cli', 'redocly', ['lint', ...documents]);
const strict = ['--fail-severity', 'hint', '--ruleset', 'spectral.yaml'];
run('@stoplight/spectral-cli', 'spectral', ['lint', ...strict, ...documents]);

rmSync(generated, { recursive: true, force: true });
for (const document of documents) {
  const output = join(generated, basename(document, '.json'));
  mkdirSync(output, { recursive: true });
  const types = astToString(await openapiTypescript(pathToFileURL(document)));
  writeFileSync(join(output, 'openapi-typescript.ts'), types);
  await generateApi({ input: document, output, fileName: 'client.ts', silent: true });
}
run('typescript', 'tsc', ['-p', '.']);
const names = documents.map((document) => basename(document, '.json'));
console.log(`The linters accept ${names.join(', ')}, and the generated clients compile.`);

/** Runs a command of a package. If it fails, this process exits with 1. */
function run(name, command, args) {
  const manifest = require.resolve(`${name}/package.json`);
  const { bin } = require(manifest);
  const script = join(dirname(manifest), typeof bin === 'string' ? bin : bin[command]);
  console.log(`\n${command} ${args.map((arg) => basename(arg)).join(' ')}`);
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
  const { status } = spawnSync(process.execPath, [script, ...args], {
    cwd: here,
    env,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(1);
}
