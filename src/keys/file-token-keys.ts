import { isOpenToOthers } from '../config/private-file.js';
import type { JwtSettings } from '../config/jwt-settings.js';
import { KeyChangeLog } from './key-change-log.js';
import { type KeyContent, noKeys } from './key-content.js';
import { KeyFile } from './key-file.js';
import { KeyRing } from './key-ring.js';
import type { TokenKey } from './token-key.js';
import { configuredKey, TokenKeys } from './token-keys.js';

/** The check interval of the key file, in milliseconds. */
const CHECK_INTERVAL = 100;

/** The configured key and those of the key file, which is checked when a key is needed. */
export class FileTokenKeys extends TokenKeys {
  private readonly log = new KeyChangeLog();
  private readonly configured: TokenKey | null;
  private readonly file: KeyFile;
  /** The stamp of the loaded file; null if there was none. */
  private stamp: string | null;
  private checkedAt = performance.now();
  private latest: KeyRing;

  /** @throws StartError if there is no key that can sign, or a key is invalid */
  constructor(settings: JwtSettings, path: string) {
    super();
    this.configured = configuredKey(settings);
    if (settings.key && 'secretFile' in settings.key) this.warnIfOpen(settings.key.secretFile);
    this.file = new KeyFile(path);
    this.stamp = this.file.stamp();
    this.latest = this.load(this.file.read() ?? noKeys());
  }

  /** The current keys, at most one check interval old. */
  override get ring(): KeyRing {
    if (performance.now() - this.checkedAt >= CHECK_INTERVAL) this.reloadIfChanged();
    return this.latest;
  }

  override async reload(): Promise<void> {
    // A file that cannot be loaded is not read again for each unknown `kid`.
    if (!this.log.hasFailed) this.reloadIfChanged();
  }

  /** Loads the file if it has changed. A failed load is tried again at the next check. */
  private reloadIfChanged(): void {
    this.checkedAt = performance.now();
    let stamp: string | null = null;
    try {
      stamp = this.file.stamp();
      if (stamp === this.stamp) return;
      const content = this.file.read();
      // Without the file, retired keys would be valid again, and signing keys would be missing.
      if (content === null) throw new Error(`The key file ${this.file.path} has vanished.`);
      this.latest = this.load(content);
      this.stamp = stamp;
      this.log.changed(this.latest);
    } catch (error) {
      // The loaded keys are kept, so that sessions stay valid until the file is repaired.
      this.log.failed(`${stamp}`, error);
    }
  }

  private load(content: KeyContent): KeyRing {
    const ring = new KeyRing(this.configured, content);
    this.warnIfOpen(this.file.path);
    return ring;
  }

  private warnIfOpen(file: string): void {
    if (isOpenToOthers(file)) this.log.warn(`Others may read ${file}; run: chmod 600 ${file}`);
  }
}
