import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { git, readAt, root, unmergedFiles } from './git.js';

const MODULES = 'src/app.module.ts';
const FEATURES = 'src/features.ts';

const IMPORT = /^import \{ (\w+) \} from '.+';$/;
const ITEM = /^ {8}(\w+),$/;

/**
 * In release 0.1.0, `npm run generate` added modules to `src/app.module.ts`. Moves them to
 * `src/features.ts`, which later releases have. If the project has changed more than that, its
 * conflicts stay.
 *
 * @param {string} base the commit of the template that the project had
 */
export async function moveModules(base) {
  if (git('ls-tree', base, FEATURES) !== '' || !unmergedFiles().includes(MODULES)) return;
  const before = readAt(base, MODULES).split('\n');
  const mine = readAt('HEAD', MODULES).split('\n');
  const added = mine.filter((line) => !before.includes(line));
  const isComplete = before.every((line) => mine.includes(line));
  if (!isComplete || !added.every((line) => IMPORT.test(line) || ITEM.test(line))) return;

  git('checkout', '--theirs', '--', MODULES);
  const path = join(root, FEATURES);
  const imports = added.filter((line) => IMPORT.test(line));
  const modules = added.flatMap((line) => ITEM.exec(line)?.[1] ?? []);
  const text = readFileSync(path, 'utf8')
    .replace('\n\n', `\n${imports.join('\n')}\n\n`)
    .replace(/,?\s*\];\s*$/, (end) => `${end.startsWith(',') ? ',' : ''}${modules.join()}];\n`);
  const { format, resolveConfig } = await import('prettier');
  writeFileSync(path, await format(text, { ...(await resolveConfig(path)), filepath: path }));
  git('add', '--', MODULES, FEATURES);
}
