import type { KeyContent } from './key-content.js';

/** Stores the keys that `npm run keys` manages. */
export interface KeyStore {
  /** What the store is, for messages. */
  readonly name: 'file' | 'database';

  /**
   * @returns null if nothing was stored yet
   * @throws StartError if the keys cannot be read
   */
  read(): KeyContent | null | Promise<KeyContent | null>;

  /**
   * Changes the content atomically: no concurrent change is lost. `work` may run again.
   *
   * @throws StartError if the keys cannot be changed, or a key would be invalid
   */
  change(work: (content: KeyContent) => void): void | Promise<void>;
}
