import { availableParallelism } from 'node:os';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import argon2 from 'argon2';
import { nfc } from '../common/values.js';
import { BoundedQueue } from '../common/bounded-queue.js';
import { AppConfig, type PasswordHashCost } from '../config/app-config.js';

/** Hashes in line before a caller is told to come back: some seconds' worth. */
const MAX_WAITING = 500;
const RETRY_AFTER = 5;

/**
 * argon2id (RFC 9106), computed off the event loop, as many at once as there are cores. Passwords
 * are hashed in Unicode NFC, so that one typed on another keyboard is the same password.
 */
@Injectable()
export class PasswordHasher implements OnModuleInit {
  private readonly queue = new BoundedQueue(availableParallelism(), MAX_WAITING, RETRY_AFTER);
  private readonly options: PasswordHashCost & { type: typeof argon2.argon2id };
  private dummy: string;

  constructor(config: AppConfig) {
    this.options = { type: argon2.argon2id, ...config.passwordHashCost };
  }

  async onModuleInit(): Promise<void> {
    this.dummy = await this.hash('nobody has this password');
  }

  /** @returns a hash in the PHC string format */
  hash(password: string): Promise<string> {
    return this.queue.run(() => argon2.hash(nfc(password), this.options));
  }

  /** @param before is asked when it is this one's turn, and may refuse by throwing */
  verify(hash: string, password: string, before?: () => Promise<void>): Promise<boolean> {
    return this.queue.run(async () => {
      await before?.();
      return argon2.verify(hash, nfc(password));
    });
  }

  /** Takes as long as `verify`, so that nobody learns from the time whether there is such a user. */
  async verifyNothing(password: string, before: () => Promise<void>): Promise<void> {
    await this.verify(this.dummy, password, before);
  }

  /** Whether the hash was made with other parameters than today's. */
  isOutdated(hash: string): boolean {
    return argon2.needsRehash(hash, this.options);
  }
}
