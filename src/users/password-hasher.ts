import { availableParallelism } from 'node:os';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import argon2 from 'argon2';
import { nfc } from '../common/values.js';
import { BoundedQueue } from '../common/bounded-queue.js';
import { AppConfig, type PasswordHashCost } from '../config/app-config.js';

/** Verifies a password, in its own way: it may refuse to by throwing. */
export type Attempt = (verify: () => Promise<boolean>) => Promise<boolean>;

const plainly: Attempt = (verify) => verify();

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

  /**
   * @param hash null where there is no such user: it takes as long, and is false
   * @param attempt goes around the verification when it is its turn
   */
  verify(hash: string | null, password: string, attempt: Attempt = plainly): Promise<boolean> {
    return this.queue.run(() =>
      attempt(async () => {
        const fits = await argon2.verify(hash ?? this.dummy, nfc(password));
        return fits && hash !== null;
      }),
    );
  }

  /** Whether the hash was made with other parameters than today's. */
  isOutdated(hash: string): boolean {
    return argon2.needsRehash(hash, this.options);
  }
}
