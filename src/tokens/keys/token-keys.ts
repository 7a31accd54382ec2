import { Logger } from '@nestjs/common';
import type { JwtSettings } from '../../config/jwt-settings.js';
import { KeyFile } from './key-file.js';
import { KeyRing } from './key-ring.js';
import { secretOfFile } from './secret-file.js';
import { type TokenKey, tokenKey } from './token-key.js';

/** Milliseconds after which the file is looked at again: when a change is noticed at the latest. */
const LOOK_EVERY = 100;

/**
 * The keys that sign and verify: the one of the settings and those of the key file, which may
 * change while the service runs. Key objects are made once: jsonwebtoken takes fifty times as
 * long with a secret that it has to turn into a key for each token.
 */
export class TokenKeys {
  private readonly logger = new Logger(TokenKeys.name);
  private readonly own: TokenKey | null;
  private readonly file: KeyFile;
  private stamp: string;
  private lookedAt = performance.now();
  private latest: KeyRing;

  /** @throws StartError where there is no key that could sign, or one that will not do */
  constructor(settings: JwtSettings) {
    this.own = ownKey(settings);
    this.file = new KeyFile(settings.keysFile);
    this.stamp = this.file.stamp();
    this.latest = this.load();
  }

  /** The keys as they are now. */
  get ring(): KeyRing {
    if (performance.now() - this.lookedAt >= LOOK_EVERY) this.look();
    return this.latest;
  }

  /**
   * The key of a token by its header `kid`. One that nobody knows may have been added this moment
   * by an instance that saw the file earlier, so that the file is looked at again.
   */
  find(id: string | undefined): TokenKey | undefined {
    const found = this.ring.find(id);
    if (found) return found;
    this.look();
    return this.latest.find(id);
  }

  private look(): void {
    this.lookedAt = performance.now();
    const stamp = this.file.stamp();
    if (stamp === this.stamp) return;
    this.stamp = stamp;
    try {
      this.latest = this.load();
      const { id, algorithm } = this.latest.signing;
      this.logger.log(`The keys have changed: ${id} (${algorithm}) signs`);
    } catch (error) {
      // Who is logged in stays so, until somebody has mended the file.
      this.logger.error(`The keys stay as they were: ${(error as Error).message}`);
    }
  }

  private load(): KeyRing {
    if (this.file.isOpenToOthers()) {
      this.logger.warn(`Others may read ${this.file.path}; run: chmod 600 ${this.file.path}`);
    }
    return new KeyRing(this.own, this.file.read());
  }
}

/** The key that the settings name, if they do. */
export function ownKey({ key, algorithm, algorithms }: JwtSettings): TokenKey | null {
  if (key === null) return null;
  const object = 'key' in key ? key.key : secretOfFile(key.secretFile);
  return tokenKey(object, algorithm, algorithms);
}
