import { Logger } from '@nestjs/common';
import type { KeyRing } from './key-ring.js';
import { TokenKeys } from './token-keys.js';

/** Logs changes of the keys, and each failure to load them once. */
export class KeyChangeLog {
  private readonly logger = new Logger(TokenKeys.name);
  /** The version and the error of the last failure, until keys are loaded. */
  private lastFailure = '';

  get hasFailed(): boolean {
    return this.lastFailure !== '';
  }

  changed({ signing: { id, algorithm } }: KeyRing): void {
    this.settled();
    this.logger.log(`The keys have changed: ${id} (${algorithm}) signs`);
  }

  /** Forgets the last failure, because the stored keys are the loaded ones. */
  settled(): void {
    this.lastFailure = '';
  }

  /** @param version of the keys that could not be loaded */
  failed(version: string, error: unknown): void {
    const { message } = error as Error;
    const failure = `${version} ${message}`;
    if (failure !== this.lastFailure) this.logger.error(`The keys were not reloaded: ${message}`);
    this.lastFailure = failure;
  }

  warn(message: string): void {
    this.logger.warn(message);
  }
}
