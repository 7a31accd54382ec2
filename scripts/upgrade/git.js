import { spawnSync } from 'node:child_process';

/** The project. A later release of this command may be elsewhere; see docs/upgrading.md. */
export const root = process.cwd();

/** The author of commits that no branch will have. */
const AUTHOR = { NAME: 'template', EMAIL: 'template@localhost' };
const env = { ...process.env };
for (const role of ['AUTHOR', 'COMMITTER']) {
  for (const [key, value] of Object.entries(AUTHOR)) env[`GIT_${role}_${key}`] = value;
}

/**
 * @param {(string | { cwd?: string, mayFail?: boolean })[]} words of the command line; the last one
 *   may be an object with options
 * @returns {string | null} the output; null if the command failed and may fail
 */
export function git(...words) {
  const options = typeof words.at(-1) === 'object' ? words.pop() : {};
  const { status, stdout, stderr } = spawnSync('git', words, {
    cwd: options.cwd ?? root,
    encoding: 'utf8',
    env,
    maxBuffer: 2 ** 28,
  });
  if (status === 0) return stdout.trim();
  if (options.mayFail) return null;
  throw new Error(`git ${words.join(' ')} failed:\n${stderr}`);
}

/** @param {string} name of a tag, a branch or a commit */
export function findCommit(name) {
  const commit = git('rev-parse', '--verify', '--quiet', `${name}^{commit}`, { mayFail: true });
  if (commit !== null) return commit;
  throw new Error(
    `There is no ${name} in this repository. Get the releases of the template first:\n  git remote add template <address>    once\n  git fetch template --tags`,
  );
}

/** Whether a commit exists, and another one contains it. */
export function isAncestor(commit, other) {
  return git('merge-base', '--is-ancestor', commit, other, { mayFail: true }) !== null;
}

/** The text of a file in a commit. */
export function readAt(commit, path) {
  return git('show', `${commit}:${path}`);
}

/** The files with conflicts. */
export function unmergedFiles() {
  return git('diff', '--name-only', '--diff-filter=U').split('\n').filter(Boolean);
}
