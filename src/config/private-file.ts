import { mkdirSync, type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { StartError } from '../errors/start-error.js';

/** Bits of a mode (POSIX `st_mode`): what the group and all others may do. */
const READ_OR_WRITE = 0o066;
const WRITE = 0o022;
const WRITE_BY_ALL = 0o002;
/** In a folder with this bit, only the owner of a file can replace it. */
const STICKY = 0o1000;

/** Creates the folder and its missing parents. Only the owner of the process may use them. */
export function makePrivateFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
}

/** Whether users of the machine other than its owner may read the file or write to it. */
export function isOpenToOthers(file: string): boolean {
  return (modeOf(file) & READ_OR_WRITE) !== 0;
}

/** Whether users of the machine other than its owner may write to the file. */
export function isWritableByOthers(file: string): boolean {
  return (modeOf(file) & WRITE) !== 0;
}

/** Whether users of the machine other than its owner may replace files in the folder. */
export function isReplaceableByOthers(folder: string): boolean {
  const mode = modeOf(folder);
  return (mode & WRITE) !== 0 && (mode & STICKY) === 0;
}

/**
 * Returns what lets other users of the machine choose the secret in the file, as a sentence with a
 * remedy; null if nothing does, or if there is no file.
 *
 * A folder that its group may write to is accepted: on many systems the group of a user has no
 * other member.
 */
export function writableByOthers(file: string): string | null {
  const found = statOf(file);
  if (!found) return null;
  const messageFor = (what: string, remedy: string): string =>
    `Others may ${what}, and so sign tokens with their own key; check its content, and run: ${remedy}`;
  if (isWritableByOthers(file)) return messageFor(`write to ${file}`, `chmod 600 ${file}`);
  // The owner of a file can give itself any permission. Root may run a command for the user who
  // owns the folder, so the files of that user are accepted, too.
  const user = process.getuid?.();
  const servesOwner = user === 0 && found.uid === statOf(dirname(resolve(file)))?.uid;
  if (found.uid !== 0 && found.uid !== user && !servesOwner) {
    return messageFor(`write to ${file}, which another user owns`, `chown ${user} ${file}`);
  }
  const folder = dirname(resolve(file));
  const mode = modeOf(folder);
  if ((mode & WRITE_BY_ALL) === 0 || (mode & STICKY) !== 0) return null;
  return messageFor(`replace ${file}`, `chmod o-w ${folder}`);
}

/** @throws StartError if others may write to the file, which holds a secret, or replace it */
export function refuseWritableSecret(file: string): void {
  const problem = writableByOthers(file);
  if (problem !== null) throw new StartError(problem);
}

/** 0 for a file that is missing, and on Windows, where files have no modes. */
function modeOf(path: string): number {
  return statOf(path)?.mode ?? 0;
}

function statOf(path: string): Stats | undefined {
  if (process.platform === 'win32') return undefined;
  return statSync(path, { throwIfNoEntry: false });
}
