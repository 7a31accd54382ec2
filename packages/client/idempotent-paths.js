/**
 * Writes the paths whose POST takes an `Idempotency-Key` from docs/openapi.json to
 * src/idempotent-paths.ts. Types are gone at run time, so the client needs this list.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = import.meta.dirname;
const document = JSON.parse(readFileSync(join(folder, '..', '..', 'docs', 'openapi.json'), 'utf8'));
const paths = Object.entries(document.paths)
  .filter(([, { post }]) => post?.parameters?.some(({ name }) => name === 'Idempotency-Key'))
  .map(([path]) => path);
const lines = paths.map((path) => `  '${path}',\n`).join('');
writeFileSync(
  join(folder, 'src', 'idempotent-paths.ts'),
  `/** The paths whose POST takes an \`Idempotency-Key\`. Written by \`npm run client\`. */
export const idempotentPaths: readonly string[] = [\n${lines}];\n`,
);
