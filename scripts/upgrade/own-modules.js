import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { git, readAt, root } from './git.js';

const MODULES = 'src/app.module.ts';
const IMPORT = /^import \{ \w+ \} from '.+';$/;
const ITEM = /^ +\w+,$/;

/**
 * Takes the list of modules from the release, and adds the modules of the project as
 * `npm run generate` does. If the project has changed more than that, the result of the merge stays.
 *
 * @param {string} base the commit that the project has extended
 * @param {string} next the commit of the release
 */
export function keepOwnModules(base, next) {
  const before = readAt(base, MODULES).split('\n');
  const mine = readAt('HEAD', MODULES).split('\n');
  const added = mine.filter((line) => !before.includes(line));
  const rest = mine.filter((line) => before.includes(line));
  const isOnlyLonger = rest.join('\n') === before.join('\n');
  if (!isOnlyLonger || !added.every((line) => IMPORT.test(line) || ITEM.test(line))) return;

  const lines = readAt(next, MODULES).split('\n');
  const lastImport = lines.findLastIndex((line) => line.startsWith('import '));
  const place = lines.indexOf('        HomeModule,');
  if (place < 0) return;
  const changed = [
    ...lines.slice(0, lastImport + 1),
    ...added.filter((line) => IMPORT.test(line) && !lines.includes(line)),
    ...lines.slice(lastImport + 1, place),
    ...added.filter((line) => ITEM.test(line) && !lines.includes(line)),
    ...lines.slice(place),
  ];
  writeFileSync(join(root, MODULES), `${changed.join('\n')}\n`);
  git('add', '--', MODULES);
}
