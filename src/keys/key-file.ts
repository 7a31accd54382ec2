import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { makePrivateFolder, refuseWritableSecret } from '../config/private-file.js';
import { StartError } from '../errors/start-error.js';
import { type KeyContent, noKeys, parseKeyContent } from './key-content.js';
import type { KeyStore } from './key-store.js';
import { openStoredKey } from './stored-key.js';

/** The key file, which is beside the database by default and private to its owner. */
export class KeyFile implements KeyStore {
  readonly name = 'file';

  constructor(readonly path: string) {}

  /**
   * A text that changes whenever the file changes. Reading it takes microseconds.
   *
   * @returns null if there is no file
   * @throws StartError if the file cannot be accessed
   */
  stamp(): string | null {
    const found = this.stat();
    return found && `${found.ino} ${found.ctimeNs} ${found.mtimeNs} ${found.size}`;
  }

  /**
   * @returns null if there is no file
   * @throws StartError if the file cannot be read, is damaged, or can be written by others
   */
  read(): KeyContent | null {
    let text: string;
    try {
      refuseWritableSecret(this.path);
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error instanceof StartError ? error : this.unusableFileError('cannot be read', error);
    }
    const content = parseKeyContent(text);
    if (content) return content;
    throw new StartError(
      `The key file ${this.path} is damaged; restore it from a backup, or delete it (which ends the logins of its keys).`,
    );
  }

  /**
   * Changes the file atomically: readers see the content before or after the change, and no
   * concurrent change is lost.
   *
   * @throws StartError if another change is in progress, or if the file would be unusable
   */
  change(work: (content: KeyContent) => void): void {
    try {
      makePrivateFolder(dirname(this.path));
      // If the path is a symbolic link, its target is changed. A link without a target fails with
      // ENOENT.
      const exists = lstatSync(this.path, { throwIfNoEntry: false }) !== undefined;
      this.replace(exists ? realpathSync(this.path) : this.path, work);
    } catch (error) {
      throw error instanceof StartError
        ? error
        : this.unusableFileError('cannot be changed', error);
    }
  }

  private replace(target: string, work: (content: KeyContent) => void): void {
    const draft = `${target}.new`;
    const handle = openDraft(draft);
    try {
      const content = this.read() ?? noKeys();
      work(content);
      // Content that no service could load is not written.
      content.keys.forEach(openStoredKey);
      keepOwner(handle, target);
      writeFileSync(handle, `${JSON.stringify(content, null, 2)}\n`);
      fsyncSync(handle);
      renameSync(draft, target);
    } catch (error) {
      rmSync(draft, { force: true });
      throw error;
    } finally {
      closeSync(handle);
    }
    flushFolder(dirname(target));
  }

  private stat() {
    try {
      return statSync(this.path, { throwIfNoEntry: false, bigint: true }) ?? null;
    } catch (error) {
      throw this.unusableFileError('cannot be accessed', error);
    }
  }

  private unusableFileError(problem: string, error: unknown): StartError {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    return new StartError(`The key file ${this.path} ${problem} (${code}).`);
  }
}

/** Opens the draft, which is also the lock: only one process can create it. */
function openDraft(draft: string): number {
  try {
    return openSync(draft, 'wx', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new StartError(
      `The keys are being changed by another command; try again, or delete ${draft} if no command is running.`,
    );
  }
}

/**
 * Keeps owner and mode, because root may run the command for a service that runs as another user.
 */
function keepOwner(handle: number, target: string): void {
  const before = statSync(target, { throwIfNoEntry: false });
  if (before) fchmodSync(handle, before.mode & 0o640);
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = before ?? statSync(dirname(target));
  fchownSync(handle, uid, gid);
}

/** Flushes the folder, so that the rename survives a power failure. Not all systems allow it. */
function flushFolder(folder: string): void {
  try {
    const handle = openSync(folder, 'r');
    fsyncSync(handle);
    closeSync(handle);
  } catch {
    // The file itself is already changed.
  }
}
