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
import { isPlainObject } from '../validation/values.js';
import { openStoredKey, type StoredKey } from './stored-key.js';

/** What the file holds. */
export interface KeyFileContent {
  keys: StoredKey[];
  /** The id of the key that signs; null where the one of the settings does. */
  signing: string | null;
  /** Until when tokens of a key that was replaced may live, by id; ISO 8601. */
  replaced: Record<string, string>;
  /** Ids of configured keys that are retired. */
  retired: string[];
}

/** The file of keys beside the database, readable by its owner alone. */
export class KeyFile {
  constructor(readonly path: string) {}

  /**
   * Something else whenever the file is another; looking costs microseconds.
   *
   * @returns null where there is none
   * @throws StartError where that cannot be told
   */
  stamp(): string | null {
    const found = this.stat();
    return found && `${found.ino} ${found.ctimeNs} ${found.mtimeNs} ${found.size}`;
  }

  /**
   * @returns null where there is no file
   * @throws StartError where there is one, and it holds something else, or others may write to it
   */
  read(): KeyFileContent | null {
    let text: string;
    try {
      refuseWritableSecret(this.path);
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error instanceof StartError ? error : this.unusableFileError('cannot be read', error);
    }
    const content = contentOf(text);
    if (content) return content;
    throw new StartError(
      `The key file ${this.path} is damaged; bring back a copy, or delete it (which ends the logins of its keys).`,
    );
  }

  /**
   * Changes the file as a whole: readers see it before or after, and no other change gets lost.
   *
   * @throws StartError where another change is under way, or the file would be unusable
   */
  change(work: (content: KeyFileContent) => void): void {
    try {
      makePrivateFolder(dirname(this.path));
      // Where the path is a link, the file behind it is meant; one to nothing is ENOENT.
      const isThere = lstatSync(this.path, { throwIfNoEntry: false }) !== undefined;
      this.replace(isThere ? realpathSync(this.path) : this.path, work);
    } catch (error) {
      throw error instanceof StartError
        ? error
        : this.unusableFileError('cannot be changed', error);
    }
  }

  private replace(target: string, work: (content: KeyFileContent) => void): void {
    const draft = `${target}.new`;
    const handle = openDraft(draft);
    try {
      const content = this.read() ?? noKeys();
      work(content);
      // What no service would load is not written.
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
      throw this.unusableFileError('cannot be looked at', error);
    }
  }

  private unusableFileError(problem: string, error: unknown): StartError {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    return new StartError(`The key file ${this.path} ${problem} (${code}).`);
  }
}

/** The draft is also the lock: it can be made by one process alone. */
function openDraft(draft: string): number {
  try {
    return openSync(draft, 'wx', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new StartError(
      `The keys are being changed by another command; try again, or delete ${draft} where there is none.`,
    );
  }
}

/** Keeps owner and mode, because root may run the command for a service that runs as another user. */
function keepOwner(handle: number, target: string): void {
  const before = statSync(target, { throwIfNoEntry: false });
  if (before) fchmodSync(handle, before.mode & 0o640);
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = before ?? statSync(dirname(target));
  fchownSync(handle, uid, gid);
}

/** A rename outlives a power cut when its folder was flushed, which not all systems allow. */
function flushFolder(folder: string): void {
  try {
    const handle = openSync(folder, 'r');
    fsyncSync(handle);
    closeSync(handle);
  } catch {
    // The change itself is made.
  }
}

/** What a file holds that is not there. */
export function noKeys(): KeyFileContent {
  return { keys: [], signing: null, replaced: {}, retired: [] };
}

function contentOf(text: string): KeyFileContent | null {
  try {
    const value: unknown = JSON.parse(text);
    if (!isPlainObject(value)) return null;
    const { keys, signing, replaced, retired } = value;
    const whole =
      Array.isArray(keys) &&
      keys.every((key) => isPlainObject(key) && isText(key.kid) && isText(key.created_at)) &&
      (signing === null || isText(signing)) &&
      isPlainObject(replaced) &&
      Object.values(replaced).every(
        (timestamp) => isText(timestamp) && !isNaN(Date.parse(timestamp)),
      ) &&
      Array.isArray(retired) &&
      retired.every(isText);
    return whole ? (value as unknown as KeyFileContent) : null;
  } catch {
    return null;
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
