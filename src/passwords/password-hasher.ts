import { availableParallelism } from 'node:os';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import argon2 from 'argon2';
import { nfc } from '../validation/values.js';
import { FairQueue, type QueueKeys } from '../scheduling/fair-queue.js';
import { AppConfig, type PasswordHashCost } from '../config/app-config.js';
import { addressPath } from '../http/client-address.js';
import type { Client } from '../http/client.js';

/** The keys by which hashes are queued. */
export interface HashQueueKeys {
  /**
   * The address ranges of the client. Wide ranges take turns, and so do the ranges within them; see
   * `addressPath`.
   */
  readonly range: QueueKeys['group'];
  /** The account that the hash is for. One account cannot fill the queue. */
  readonly account: string;
  /** When it aborts, hashes that have not started are skipped. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs when a hash leaves the queue, before it is computed. It refuses the hash by throwing.
 *
 * @param queued whether the hash had to wait in the queue
 */
export type BeforeHash = (queued: boolean) => Promise<void>;

/** @param account that the client logs in to or registers */
export function hashQueueKeys({ ip, signal }: Client, account: string): HashQueueKeys {
  return { range: addressPath(ip ?? ''), account, signal };
}

let ownHashes = 0;

/** The keys for a password that no client has sent. */
export function serviceHashQueueKeys(): HashQueueKeys {
  return { range: 'this service', account: `of this service ${++ownHashes}` };
}

/** Maximum number of queued hashes. They take some seconds. */
const MAX_QUEUED = 500;
const MAX_QUEUED_PER_ACCOUNT = 4;
/** Seconds, for `Retry-After` if the queue is full. */
const RETRY_AFTER = 5;

/**
 * Hashes passwords with argon2id (RFC 9106) outside the event loop, as many concurrently as there
 * are cores, in all workers together. Passwords are hashed in Unicode NFC, so that a password is the
 * same on every keyboard.
 */
@Injectable()
export class PasswordHasher implements OnModuleInit {
  private readonly queue: FairQueue;
  private readonly options: PasswordHashCost & { type: typeof argon2.argon2id };
  private dummy: string;

  constructor(config: AppConfig) {
    this.options = { type: argon2.argon2id, ...config.passwordHashCost };
    this.queue = new FairQueue({
      concurrency: concurrencyFor(config.limits),
      maxQueued: MAX_QUEUED,
      maxQueuedPerKey: MAX_QUEUED_PER_ACCOUNT,
      retryAfter: RETRY_AFTER,
    });
  }

  async onModuleInit(): Promise<void> {
    this.dummy = await this.hash('the password of no user', serviceHashQueueKeys());
  }

  /** The numbers of running and queued hashes. */
  get load(): Pick<FairQueue, 'running' | 'queued'> {
    return this.queue;
  }

  /**
   * @returns a hash in the PHC string format
   * @throws ApiError 429 if too many hashes of the account are queued, 503 if the queue is full or
   * the client has disconnected
   */
  hash(password: string, queueKeys: HashQueueKeys): Promise<string> {
    return this.enqueue(queueKeys, () => argon2.hash(nfc(password), this.options));
  }

  /**
   * @param hash null if there is no such user; the verification then takes as long, and returns
   * false
   * @throws ApiError as `hash`; and whatever `beforeHash` throws
   */
  verify(
    hash: string | null,
    password: string,
    queueKeys: HashQueueKeys,
    beforeHash?: BeforeHash,
  ): Promise<boolean> {
    return this.enqueue(queueKeys, async (queued) => {
      await beforeHash?.(queued);
      const fits = await argon2.verify(hash ?? this.dummy, nfc(password));
      return fits && hash !== null;
    });
  }

  /** Whether the hash was made with other parameters than the current ones. */
  isOutdated(hash: string): boolean {
    return argon2.needsRehash(hash, this.options);
  }

  private enqueue<T>(
    { range, account, signal }: HashQueueKeys,
    task: (queued: boolean) => Promise<T>,
  ): Promise<T> {
    let queued = false;
    const result = this.queue.run({ group: range, key: account }, () => task(queued), signal);
    // `run` starts a task synchronously if a slot is free, so a task that has not started is
    // queued.
    queued = true;
    return result;
  }
}

/** Further hashes would wait for a thread of libuv, where no queue is fair, or for a core. */
function concurrencyFor({ threadPoolSize, workers }: AppConfig['limits']): number {
  return Math.ceil(Math.min(availableParallelism() / workers, threadPoolSize));
}
