import { Logger } from '@nestjs/common';
import { isOpenToOthers } from '../config/private-file.js';
import type { JwtSettings } from '../config/jwt-settings.js';
import { KeyFile, type KeyFileContent, noKeys } from './key-file.js';
import { KeyRing } from './key-ring.js';
import { secretOfFile } from './secret-file.js';
import { type TokenKey, tokenKey } from './token-key.js';

/** The check interval of the key file, in milliseconds. */
const CHECK_INTERVAL = 100;

/**
 * The keys that sign and verify: the configured key and those of the key file, which may change
 * while the service runs. Key objects are created once, because jsonwebtoken takes fifty times as
 * long if it has to create one from the secret for each token.
 */
export class TokenKeys {
  private readonly logger = new Logger(TokenKeys.name);
  private readonly configured: TokenKey | null;
  private readonly file: KeyFile;
  /** The stamp of the loaded file; null if there was none. */
  private stamp: string | null;
  private checkedAt = performance.now();
  private latest: KeyRing;
  /** The stamp and the error of the last file that could not be loaded, to log it once. */
  private lastFailure = '';

  /** @throws StartError if there is no key that can sign, or a key is invalid */
  constructor(settings: JwtSettings) {
    this.configured = configuredKey(settings);
    if (settings.key && 'secretFile' in settings.key) this.warnIfOpen(settings.key.secretFile);
    this.file = new KeyFile(settings.keysFile);
    this.stamp = this.file.stamp();
    this.latest = this.load(this.file.read() ?? noKeys());
  }

  /** The current keys, at most one check interval old. */
  get ring(): KeyRing {
    if (performance.now() - this.checkedAt >= CHECK_INTERVAL) this.reloadIfChanged();
    return this.latest;
  }

  /**
   * The key of a token by its header `kid`. For an unknown `kid` the file is checked again, because
   * another instance may already sign with a key that was just added.
   */
  find(id: string | undefined): TokenKey | undefined {
    const found = this.ring.find(id);
    // A file that cannot be loaded is not read again for each unknown `kid`.
    if (found || this.lastFailure !== '') return found;
    this.reloadIfChanged();
    return this.latest.find(id);
  }

  /** The key that sealed a token, by its id; undefined if its secret is no longer configured. */
  findForUnsealing(id: string): TokenKey | undefined {
    const found = this.ring.findForUnsealing(id);
    if (found || this.lastFailure !== '') return found;
    this.reloadIfChanged();
    return this.latest.findForUnsealing(id);
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
      this.lastFailure = '';
      const { id, algorithm } = this.latest.signing;
      this.logger.log(`The keys have changed: ${id} (${algorithm}) signs`);
    } catch (error) {
      // The loaded keys are kept, so that sessions stay valid until the file is repaired.
      const { message } = error as Error;
      const failure = `${stamp} ${message}`;
      if (failure !== this.lastFailure) this.logger.error(`The keys were not reloaded: ${message}`);
      this.lastFailure = failure;
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
 * The configured key; null if there is none.
 *
 * @param make whether a missing secret file is created
 */
export function configuredKey(
  { key, algorithm, algorithms }: JwtSettings,
  { make = true } = {},
): TokenKey | null {
  if (key === null) return null;
  const object = 'key' in key ? key.key : secretOfFile(key.secretFile, make);
  return object && tokenKey(object, algorithm, algorithms);
}
