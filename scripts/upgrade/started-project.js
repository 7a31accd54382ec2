import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { git, root } from './git.js';

/** Where the releases are checked out. Packages are found in `node_modules` of the project. */
const FOLDER = join(root, '.cache', 'upgrade');

/**
 * Starts the project again from two releases of the template, with the same choices, so that their
 * difference has only what concerns the project: neither removed parts nor renamed files.
 *
 * @param {object} manifest package.json of the project
 * @param {string} base a commit of the template
 * @param {string} next a commit of the template
 * @returns {string} a commit with the difference
 */
export function changeBetween(manifest, base, next) {
  const changelog = {};
  const baseTree = startProject(manifest, base, (folder) => {
    changelog.text = readFileSync(join(folder, 'CHANGELOG.md'), 'utf8');
    // Both versions of the project begin with what it remembers.
    const path = join(folder, 'package.json');
    const started = { ...JSON.parse(readFileSync(path, 'utf8')), template: manifest.template };
    writeFileSync(path, `${JSON.stringify(started, null, 2)}\n`);
  });
  const nextTree = startProject(manifest, next, (folder) =>
    // The changelog belongs to the project.
    writeFileSync(join(folder, 'CHANGELOG.md'), changelog.text),
  );
  const parent = git('commit-tree', baseTree, '-m', 'The release that the project has');
  return git('commit-tree', nextTree, '-p', parent, '-m', 'The release of the upgrade');
}

/**
 * @param {object} manifest package.json of the project
 * @param {string} commit of the template
 * @param {(folder: string) => void} change
 * @returns {string} the tree of the project as the release would start it
 */
function startProject({ name, description, template }, commit, change) {
  rmSync(FOLDER, { recursive: true, force: true });
  git('worktree', 'prune');
  git('worktree', 'add', '--detach', FOLDER, commit);
  try {
    const { status, stderr } = spawnSync(
      process.execPath,
      [
        'scripts/init-project/init-project.js',
        ...[name, '--keep', template.keep, '--description', description],
        '--skip-documents',
      ],
      { cwd: FOLDER, encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(`The release ${commit} cannot start a project:\n${stderr}`);
    change(FOLDER);
    git('add', '--all', { cwd: FOLDER });
    return git('write-tree', { cwd: FOLDER });
  } finally {
    git('worktree', 'remove', '--force', FOLDER);
  }
}
