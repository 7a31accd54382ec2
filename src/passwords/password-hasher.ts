import { availableParallelism } from 'node:os';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import argon2 from 'argon2';
import { nfc } from '../validation/values.js';
import { FairQueue, type QueueKeys } from '../scheduling/fair-queue.js';
import { AppConfig, type PasswordHashCost } from '../config/app-config.js';
import { addressPath } from '../http/client-address.js';
import type { Client } from '../http/client.js';

/** On whose behalf a password is hashed. */
export interface HashQueueKeys {
  /** Address ranges take turns, wide ones and those within them; see `addressPath`. */
  readonly range: QueueKeys['group'];
  /** Whose hashes may not fill the queue. */
  readonly account: string;
  /** When it aborts, hashes that have not begun are skipped. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs when it is the password's turn. It refuses by throwing.
 *
 * @param queued whether the password had to wait for its turn
 */
export type BeforeHash = (queued: boolean) => Promise<void>;

/** @param account that the client asks for, or asks with */
export function hashQueueKeys({ ip, signal }: Client, account: string): HashQueueKeys {
  return { range: addressPath(ip ?? ''), account, signal };
}

let ownHashes = 0;

/** For a password that no client has sent. */
export function serviceHashQueueKeys(): HashQueueKeys {
  return { range: 'this service', account: `of this service ${++ownHashes}` };
}

/** Hashes that may be queued before a caller is told to come back: some seconds' worth. */
const MAX_QUEUED = 500;
const MAX_QUEUED_PER_ACCOUNT = 4;
const RETRY_AFTER = 5;

/**
 * argon2id (RFC 9106), computed off the event loop, as many at once as there are cores. Passwords
 * are hashed in Unicode NFC, so that one typed on another keyboard is the same password.
 */
@Injectable()
export class PasswordHasher implements OnModuleInit {
  private readonly queue: FairQueue;
  private readonly options: PasswordHashCost & { type: typeof argon2.argon2id };
  private dummy: string;

  constructor(config: AppConfig) {
    this.options = { type: argon2.argon2id, ...config.passwordHashCost };
    this.queue = new FairQueue({
      // More than libuv has threads would wait in its queue, which is not fair.
      concurrency: Math.min(availableParallelism(), config.limits.threadPoolSize),
      maxQueued: MAX_QUEUED,
      maxQueuedPerKey: MAX_QUEUED_PER_ACCOUNT,
      retryAfter: RETRY_AFTER,
    });
  }

  async onModuleInit(): Promise<void> {
    this.dummy = await this.hash('the password of no user', serviceHashQueueKeys());
  }

  /**
   * @returns a hash in the PHC string format
   * @throws ApiError 429 if too many hashes of the account are queued, 503 if the queue is full or
   * the client has hung up
   */
  hash(password: string, turn: HashQueueKeys): Promise<string> {
    return this.enqueue(turn, () => argon2.hash(nfc(password), this.options));
  }

  /**
   * @param hash null if there is no such user: that takes as long, and is false
   * @throws ApiError as `hash`; and whatever `beforeHash` throws
   */
  verify(
    hash: string | null,
    password: string,
    turn: HashQueueKeys,
    beforeHash?: BeforeHash,
  ): Promise<boolean> {
    return this.enqueue(turn, async (queued) => {
      await beforeHash?.(queued);
      const fits = await argon2.verify(hash ?? this.dummy, nfc(password));
      return fits && hash !== null;
    });
  }

  /** Whether the hash was made with other parameters than today's. */
  isOutdated(hash: string): boolean {
    return argon2.needsRehash(hash, this.options);
  }

  private enqueue<T>(
    { range, account, signal }: HashQueueKeys,
    task: (queued: boolean) => Promise<T>,
  ): Promise<T> {
    let queued = false;
    const result = this.queue.run({ group: range, key: account }, () => task(queued), signal);
    // A task that need not wait has begun by now.
    queued = true;
    return result;
  }
}
