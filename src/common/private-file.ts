import { closeSync, constants, mkdirSync, openSync, statSync } from 'node:fs';
import { StartError } from './start-error.js';

/** Bits of a mode (POSIX `st_mode`): what the group and all others may do. */
const READ_OR_WRITE = 0o066;
const WRITE = 0o022;
/** In such a folder, files are replaced by their owners alone. */
const STICKY = 0o1000;

/** Makes the folder, and those above it that are missing, for the owner of the process alone. */
export function makePrivateFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
}

/**
 * Makes an empty file that its owner alone may read and write, if there is none. A file that exists
 * is not opened: closing it would release the locks that SQLite holds on it in this process
 * (fcntl(2)).
 */
export function makePrivateFile(file: string): void {
  if (statSync(file, { throwIfNoEntry: false }) !== undefined) return;
  closeSync(openSync(file, constants.O_CREAT | constants.O_RDONLY, 0o600));
}

/** Whether users of the machine other than its owner may read the file or write to it. */
export function isOpenToOthers(file: string): boolean {
  return (modeOf(file) & READ_OR_WRITE) !== 0;
}

/** Whether users of the machine other than its owner may write to the file. */
export function isWritableByOthers(file: string): boolean {
  return (modeOf(file) & WRITE) !== 0;
}

/** Whether users of the machine other than its owner may put files of theirs in place of others. */
export function isReplaceableByOthers(folder: string): boolean {
  const mode = modeOf(folder);
  return (mode & WRITE) !== 0 && (mode & STICKY) === 0;
}

/** What is wrong with a secret that others may write, as a sentence with its remedy. */
export function writableProblem(file: string): string {
  return `Others may write to ${file}, and so sign tokens with a key of theirs; check what is in it, and run: chmod 600 ${file}`;
}

/** @throws StartError where others may write to the file, which holds a secret */
export function refuseWritableSecret(file: string): void {
  if (isWritableByOthers(file)) throw new StartError(writableProblem(file));
}

/** 0 for a file that is missing, and on Windows, where files have no modes. */
function modeOf(path: string): number {
  if (process.platform === 'win32') return 0;
  return statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
}
