/**
 * Bundles what tests start as processes of their own, from `.cache/build` to `.cache/bundle`. Node
 * needs less than half the CPU time to start the bundle, because it looks for few modules.
 * See docs/decisions/0030-bundle-for-tests.md.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..', '..');
const from = join(root, '.cache', 'build');
const to = join(root, '.cache', 'bundle');

/** Of CommonJS, which packages in a bundle of ES modules still use. */
const COMMON_JS = `import 'reflect-metadata';
import { createRequire as createRequireOfBundle } from 'node:module';
const require = createRequireOfBundle(import.meta.url);
const { filename: __filename, dirname: __dirname } = import.meta;
`;

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
  // The log, Nest and TypeORM name classes.
  keepNames: true,
  banner: { js: COMMON_JS },
  external: [
    // Binaries, files that are served, what TypeORM loads by itself, and what has to run before all else.
    ...['argon2', 'better-sqlite3', 'swagger-ui-dist', 'pg', 'reflect-metadata'],
    // Not installed: optional parts of other packages.
    ...['pg-native', '@nestjs/microservices', '@nestjs/websockets', '@nestjs/platform-express'],
    ...['@fastify/view', '@fastify/multipart'],
  ],
  logLevel: 'error',
});

// A worker thread loads its file by its own path, beside the chunk that starts it.
await build({
  entryPoints: [join(from, 'src/database/sqlite/sqlite-read-thread.worker.js')],
  outdir: to,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  logLevel: 'error',
});
