import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { StartError } from '../../common/start-error.js';
import { isPlainObject } from '../../common/values.js';
import type { StoredKey } from './stored-key.js';

/** What the file holds. */
export interface KeyFileContent {
  keys: StoredKey[];
  /** The id of the key that signs; null where the one of the settings does. */
  signing: string | null;
  /** Since when a key signs no more, by id; ISO 8601. */
  replaced: Record<string, string>;
  /** Ids of keys of the settings that are good for nothing any more. */
  retired: string[];
}

/** The file of keys beside the database, readable by its owner alone. */
export class KeyFile {
  constructor(readonly path: string) {}

  /** Something else whenever the file is another; looking costs microseconds. */
  stamp(): string {
    const found = statSync(this.path, { throwIfNoEntry: false, bigint: true });
    return found ? `${found.ino} ${found.mtimeNs} ${found.size}` : 'none';
  }

  /** Whether others than its owner may read it. */
  isOpenToOthers(): boolean {
    const found = statSync(this.path, { throwIfNoEntry: false });
    return process.platform !== 'win32' && found !== undefined && (found.mode & 0o077) !== 0;
  }

  /** @throws StartError where there is a file and it holds something else */
  read(): KeyFileContent {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      const { code = 'unreadable' } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return { keys: [], signing: null, replaced: {}, retired: [] };
      throw new StartError(`The key file ${this.path} cannot be read (${code}).`);
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
   * @throws StartError where another change is under way
   */
  change(work: (content: KeyFileContent) => void): void {
    mkdirSync(dirname(this.path), { recursive: true });
    const draft = `${this.path}.new`;
    const handle = this.openDraft(draft);
    try {
      const content = this.read();
      work(content);
      writeSync(handle, `${JSON.stringify(content, null, 2)}\n`);
      fsyncSync(handle);
      renameSync(draft, this.path);
    } catch (error) {
      unlinkSync(draft);
      throw error;
    } finally {
      closeSync(handle);
    }
  }

  /** The draft is also the lock: it can be made by one process alone. */
  private openDraft(draft: string): number {
    try {
      return openSync(draft, 'wx', 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      throw new StartError(
        `The keys are being changed by another command; try again, or delete ${draft} where there is none.`,
      );
    }
  }
}

function contentOf(text: string): KeyFileContent | null {
  try {
    const value: unknown = JSON.parse(text);
    if (!isPlainObject(value)) return null;
    const { keys, signing, replaced, retired } = value;
    const whole =
      Array.isArray(keys) &&
      keys.every((key) => isPlainObject(key) && typeof key.kid === 'string') &&
      (signing === null || typeof signing === 'string') &&
      isPlainObject(replaced) &&
      Array.isArray(retired);
    return whole ? (value as unknown as KeyFileContent) : null;
  } catch {
    return null;
  }
}
