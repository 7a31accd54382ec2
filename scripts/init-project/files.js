import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

export const root = join(import.meta.dirname, '..', '..');

/** @param {string} path relative to the repository */
export const exists = (path) => existsSync(join(root, path));

/** @param {string} path relative to the repository */
export const read = (path) => readFileSync(join(root, path), 'utf8');

/** @param {string} path relative to the repository */
export const write = (path, text) => writeFileSync(join(root, path), text);

/**
 * Changes the text of a file, if there is that file.
 *
 * @param {string} path relative to the repository
 * @param {(text: string) => string} change
 */
export function edit(path, change) {
  if (exists(path)) write(path, change(read(path)));
}

/**
 * Removes a file or a folder, if it exists, and its folder if nothing else is in there.
 *
 * @param {string} path relative to the repository; a star stands for any part of a name
 */
export function remove(path) {
  const folder = dirname(path);
  if (!exists(folder)) return;
  const name = new RegExp(`^${basename(path).replaceAll('.', '\\.').replaceAll('*', '.*')}$`);
  for (const each of readdirSync(join(root, folder)).filter((entry) => name.test(entry))) {
    rmSync(join(root, folder, each), { recursive: true });
  }
  if (readdirSync(join(root, folder)).length === 0) remove(folder);
}

/** @param {string} text */
export function withoutLines(text, pattern) {
  return text
    .split('\n')
    .filter((line) => !pattern.test(line))
    .join('\n');
}

/**
 * Paths of the files of a folder, relative to the repository.
 *
 * @param {string} folder
 * @param {string} ending
 */
export function filesIn(folder, ending) {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`);
}

/** Formats the files that differ from the last commit, which is formatted already. */
export async function formatChanges() {
  const { format, getFileInfo, resolveConfig } = await import('prettier');
  const changed = git(
    'ls-files',
    '-z',
    '--modified',
    '--others',
    '--exclude-standard',
    '--deduplicate',
  );
  const ignorePath = ['.prettierignore', '.gitignore'].map((name) => join(root, name));
  for (const path of changed.split('\0').filter((each) => each !== '' && exists(each))) {
    const file = join(root, path);
    const { ignored, inferredParser } = await getFileInfo(file, { ignorePath });
    if (ignored || inferredParser === null) continue;
    write(path, await format(read(path), { ...(await resolveConfig(file)), filepath: file }));
  }
}

/** @param {string[]} words of a command line of Git */
export function git(...words) {
  const { status, stdout, stderr } = spawnSync('git', words, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`git ${words.join(' ')} failed:\n${stderr}`);
  return stdout;
}

/** @param {string[]} words of a command line of npm */
export function npm(...words) {
  const { status, stdout, stderr } = spawnSync('npm', words, {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`npm ${words.join(' ')} failed:\n${stdout}${stderr}`);
}
