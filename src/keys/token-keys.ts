import { Logger } from '@nestjs/common';
import { isOpenToOthers } from '../config/private-file.js';
import type { JwtSettings } from '../config/jwt-settings.js';
import { KeyFile, type KeyFileContent, noKeys } from './key-file.js';
import { KeyRing } from './key-ring.js';
import { secretOfFile } from './secret-file.js';
import { type TokenKey, tokenKey } from './token-key.js';

/** Milliseconds after which the file is looked at again: when a change is noticed at the latest. */
const CHECK_INTERVAL = 100;

/**
 * The keys that sign and verify: the one of the settings and those of the key file, which may
 * change while the service runs. Key objects are made once: jsonwebtoken takes fifty times as
 * long with a secret that it has to turn into a key for each token.
 */
export class TokenKeys {
  private readonly logger = new Logger(TokenKeys.name);
  private readonly configured: TokenKey | null;
  private readonly file: KeyFile;
  /** Of the file that was loaded; null where there was none. */
  private stamp: string | null;
  private checkedAt = performance.now();
  private latest: KeyRing;
  /** Why which file cannot be loaded; said once. */
  private trouble = '';

  /** @throws StartError if there is no key that can sign, or a key is invalid */
  constructor(settings: JwtSettings) {
    this.configured = configuredKey(settings);
    if (settings.key && 'secretFile' in settings.key) this.warnIfOpen(settings.key.secretFile);
    this.file = new KeyFile(settings.keysFile);
    this.stamp = this.file.stamp();
    this.latest = this.load(this.file.read() ?? noKeys());
  }

  /** The keys as they are now. */
  get ring(): KeyRing {
    if (performance.now() - this.checkedAt >= CHECK_INTERVAL) this.reloadIfChanged();
    return this.latest;
  }

  /**
   * The key of a token by its header `kid`. An unknown one may have been added a moment
   * ago, and another instance may have read it already. The file is therefore read again.
   */
  find(id: string | undefined): TokenKey | undefined {
    const found = this.ring.find(id);
    // A file that cannot be loaded is not read again for each made-up `kid`.
    if (found || this.trouble !== '') return found;
    this.reloadIfChanged();
    return this.latest.find(id);
  }

  /** The key that sealed something, by its id; undefined once its secret is no longer configured. */
  findForUnsealing(id: string): TokenKey | undefined {
    const found = this.ring.findForUnsealing(id);
    if (found || this.trouble !== '') return found;
    this.reloadIfChanged();
    return this.latest.findForUnsealing(id);
  }

  /** Loads the file where it is another than before, and tries again where that fails. */
  private reloadIfChanged(): void {
    this.checkedAt = performance.now();
    let stamp: string | null = null;
    try {
      stamp = this.file.stamp();
      if (stamp === this.stamp) return;
      const content = this.file.read();
      // Without it, a key that was retired would be good again, and those that sign would be gone.
      if (content === null) throw new Error(`The key file ${this.file.path} has vanished.`);
      this.latest = this.load(content);
      this.stamp = stamp;
      this.trouble = '';
      const { id, algorithm } = this.latest.signing;
      this.logger.log(`The keys have changed: ${id} (${algorithm}) signs`);
    } catch (error) {
      // The loaded keys are kept, so that sessions stay valid until the file is repaired.
      const { message } = error as Error;
      const trouble = `${stamp} ${message}`;
      if (trouble !== this.trouble) this.logger.error(`The keys stay as they were: ${message}`);
      this.trouble = trouble;
    }
  }

  private load(content: KeyFileContent): KeyRing {
    const ring = new KeyRing(this.configured, content);
    this.warnIfOpen(this.file.path);
    return ring;
  }

  private warnIfOpen(file: string): void {
    if (isOpenToOthers(file)) this.logger.warn(`Others may read ${file}; run: chmod 600 ${file}`);
  }
}

/**
 * The key that the settings name, if they do.
 *
 * @param make whether a secret that is to be kept in a file is made where there is none
 */
export function configuredKey(
  { key, algorithm, algorithms }: JwtSettings,
  { make = true } = {},
): TokenKey | null {
  if (key === null) return null;
  const object = 'key' in key ? key.key : secretOfFile(key.secretFile, make);
  return object && tokenKey(object, algorithm, algorithms);
}
