/**
 * Makes a clone of this repository a project of one's own. See `--help`, and
 * docs/decisions/0033-init-project.md.
 *
 *     npm run init-project -- my-backend
 *     npm run init-project -- my-backend --keep ships,demo
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { askForParts } from './ask.js';
import { parseChoices, USAGE } from './choices.js';
import { root } from './files.js';
import { TEMPLATE, startProject } from './project.js';

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

/** @param {string[]} args */
async function main(args) {
  const { help, name, keep, description } = parseChoices(args);
  if (help) return console.log(USAGE);
  requireTemplate();
  const kept = keep ?? (await askForParts());
  try {
    startProject({ name, description, kept });
  } catch (error) {
    console.error('To undo all changes: git reset --hard && git clean --force -d');
    throw error;
  }
}

/** @throws Error unless this is a clean clone of the template, with its packages */
function requireTemplate() {
  const { name } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  if (name !== TEMPLATE) throw new Error(`This is the project ${name} already.`);
  if (!existsSync(join(root, 'node_modules', 'prettier'))) {
    throw new Error('The packages are missing. Run npm ci first.');
  }
  const { status, stdout } = spawnSync('git', ['status', '--porcelain', '--', '.'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) {
    throw new Error(
      'This is not a git repository. Commit the files first, so that you can see what changes and undo it: git init && git add . && git commit -m "Start"',
    );
  }
  if (stdout !== '') {
    throw new Error(
      'There are uncommitted changes. Commit them first, so that you can see what this command changes and undo it.',
    );
  }
}
