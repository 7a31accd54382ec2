/**
 * Bundles the scripts that tests start as processes, from `.cache/build` to `.cache/bundle`. Node
 * needs less than half the CPU time to start the bundle, because it resolves few modules.
 * See docs/decisions/0030-bundle-for-tests.md.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..', '..');
const from = join(root, '.cache', 'build');
const to = join(root, '.cache', 'bundle');

/** Variables of CommonJS, which packages in the bundle of ES modules still use. */
const COMMON_JS = `import 'reflect-metadata';
import { createRequire as createRequireOfBundle } from 'node:module';
const require = createRequireOfBundle(import.meta.url);
const { filename: __filename, dirname: __dirname } = import.meta;
`;

/** Imports each migration statically, because the folder of the bundle has no migrations. */
const bundledMigrations = {
  name: 'migrations',
  setup: ({ onLoad }) =>
    onLoad({ filter: /src\/database\/migrations\.js$/ }, () => {
      const files = readdirSync(join(root, 'migrations'))
        .filter((file) => /^\d{13}-.+\.ts$/.test(file))
        .sort()
        .map((file) => join(from, 'migrations', file.replace(/ts$/, 'js')));
      const names = files.map((_, index) => `migration${index}`);
      const imports = files.map((file, index) => `import * as ${names[index]} from '${file}';`);
      return {
        contents: `${imports.join('\n')}
          export const migrations = [${names.join()}].map((module) =>
            Object.values(module).find((value) => value.prototype?.up));`,
        resolveDir: from,
      };
    }),
};

rmSync(to, { recursive: true, force: true });
await build({
  entryPoints: [
    'src/main',
    ...['admin', 'audit', 'keys', 'migration'].map((name) => `scripts/${name}`),
  ].map((name) => join(from, `${name}.js`)),
  outbase: from,
  outdir: to,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // The log, Nest and TypeORM use the names of classes.
  keepNames: true,
  banner: { js: COMMON_JS },
  plugins: [bundledMigrations],
  external: [
    // Native addons, served files, a driver that TypeORM loads, and a module that has to run first.
    // ioredis is a CommonJS module whose names Node finds, and a bundle that imports it lazily does not.
    ...['argon2', 'better-sqlite3', 'swagger-ui-dist', 'pg', 'reflect-metadata', 'ioredis'],
    // Optional dependencies of other packages, which are not installed.
    ...['pg-native', '@nestjs/microservices', '@nestjs/websockets', '@nestjs/platform-express'],
    ...['@fastify/view', '@fastify/multipart'],
  ],
  logLevel: 'error',
});

// A worker thread runs a file of its own, which lies beside the chunk that starts it.
await build({
  entryPoints: [join(from, 'src/database/sqlite/sqlite-read-thread.worker.js')],
  outdir: to,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  logLevel: 'error',
});
