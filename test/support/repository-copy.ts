import { cpSync, mkdtempSync, readdirSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runChild } from './children.js';

/** What Git ignores, and Git's own folder. */
const SKIPPED = ['node_modules', 'dist', 'coverage', '.cache', '.git', '.env'];

/** An author for commits, because a machine for tests may have none. */
export const gitAuthor = {
  ...{ GIT_AUTHOR_NAME: 'Test', GIT_AUTHOR_EMAIL: 'test@example.com' },
  ...{ GIT_COMMITTER_NAME: 'Test', GIT_COMMITTER_EMAIL: 'test@example.com' },
};

/**
 * Copies the repository, without what Git ignores, to a new folder. The copy uses the same
 * `node_modules`.
 *
 * @returns the folder
 */
export function copyRepository(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nest-rest-jwt-'));
  for (const name of readdirSync('.').filter((each) => !SKIPPED.includes(each))) {
    cpSync(name, join(folder, name), {
      recursive: true,
      filter: (path) => !/node_modules|\.sqlite/.test(path),
    });
  }
  symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** Makes a folder a Git repository, and commits its files. */
export async function commitAll(folder: string): Promise<void> {
  // A link to a folder is not ignored by `node_modules/`.
  const script =
    'git init --quiet --initial-branch=main && echo node_modules >> .git/info/exclude && git add --all && git commit --quiet --message Start';
  const env = { ...process.env, ...gitAuthor };
  const { status, output } = await runChild('bash', ['-c', script], { cwd: folder, env });
  if (status !== 0) throw new Error(`git failed with ${status}:\n${output}`);
}
