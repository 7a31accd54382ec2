import { Injectable } from '@nestjs/common';
import { MoreThan } from 'typeorm';
import { ApiError, tooManyRequests, unavailable } from '../../errors/api-error.js';
import { PeriodicJobsService } from '../../scheduling/periodic-jobs.service.js';
import { SecurityEventsService } from '../../logging/security-events.service.js';
import { nfc } from '../../validation/values.js';
import { Database } from '../../database/database.js';
import { removeInBatches, type OnRemovalProgress } from '../../database/remove-in-batches.js';
import type { Select } from '../../database/select.js';
import { addressRange } from '../../http/client-address.js';
import type { Client } from '../../http/client.js';
import { SessionRepository } from '../../sessions/session.repository.js';
import type { BeforeHash } from '../../passwords/password-hasher.js';
import { UsersService } from '../../users/users.service.js';
import {
  type AttemptKeys,
  attemptKeysOf,
  endOfDelay,
  FAILURE_RETENTION,
  MAX_IN_ALL,
  MAX_IN_RANGE,
} from './login-delay.js';
import { LoginFailure } from './login-failure.entity.js';

/** Maximum number of concurrent attempts from one range at one account. */
const MAX_CONCURRENT = 4;
/** Maximum number of queued attempts from one range at one account. */
const MAX_QUEUED = 100;
/** Seconds, for `Retry-After` if that queue is full. */
const RETRY_AFTER = 5;

interface AttemptOptions {
  /** Runs before the verification. It refuses the attempt by throwing. */
  beforeVerify?: () => Promise<void>;
  /** Runs within the write that counts the failure. */
  onFailure: () => Promise<void>;
  onSuccess?: () => Promise<void>;
  /**
   * Whether the client is already authenticated as the user. Then only failures from its own range
   * delay it.
   */
  isKnown?: boolean;
}

/**
 * Throttles password guessing (NIST SP 800-63B, section 5.2.2): after some consecutive failures,
 * logins of the account are delayed for increasing times, whether or not the account exists. The
 * counts are in the database, so that instances share them. See docs/decisions/0012-guessing.md.
 */
@Injectable()
export class LoginThrottleService {
  private readonly failures: Select<LoginFailure, 'rangeKey' | 'accountKey'>;
  /** The running and queued attempts of this process, in order, by range and account. */
  private readonly queues = new Map<string, Promise<void>[]>();

  constructor(
    private readonly database: Database,
    private readonly users: UsersService,
    private readonly sessions: SessionRepository,
    private readonly events: SecurityEventsService,
    jobs: PeriodicJobsService,
  ) {
    const run = (signal: AbortSignal) => this.removeOld(signal);
    jobs.add({ name: 'remove old login failures', interval: 15 * 60_000, run });
    this.failures = database.select({
      parameters: ['rangeKey', 'accountKey'],
      query: (manager) =>
        manager
          .createQueryBuilder(LoginFailure, 'failure')
          .where('failure.key IN (:rangeKey, :accountKey)'),
    });
  }

  /**
   * Verifies a password of the account, unless the attempt is refused.
   *
   * An attempt passes two queues. The first one, in this service, holds the attempts of this
   * process from one range at one account. It never runs more of them concurrently than may fail
   * before the next delay starts, so that they get no more guesses than sequential attempts. The
   * second one is the queue of hashes. If an attempt has to wait there, its delay is checked again
   * before the hash is computed, because attempts from other ranges or at other instances may have
   * failed by then.
   *
   * @param name of the account, whether or not it exists
   * @param verify calls the given function before it computes the hash; returns whether the
   * password is correct
   * @returns the result of `verify`
   * @throws ApiError `too_many_requests` during a delay, or 503 if too many attempts are queued
   */
  attempt(
    name: string,
    client: Client,
    verify: (beforeHash: BeforeHash) => Promise<boolean>,
    { beforeVerify, onFailure, onSuccess, isKnown = false }: AttemptOptions,
  ): Promise<boolean> {
    const keys = attemptKeysOf(nfc(name), client);
    const beforeHash = async (queued: boolean) => {
      if (queued) await this.requireNoDelay(keys, isKnown);
      await beforeVerify?.();
    };
    return this.enqueue(keys, isKnown, async (failures) => {
      const isRight = await verify(beforeHash);
      if (!isRight) {
        await this.countFailure(keys, onFailure);
        this.warnOfDelay(failures + 1, client);
        return false;
      }
      if (failures > 0) await this.clearFailures(keys);
      await onSuccess?.();
      return true;
    });
  }

  /**
   * Runs at most four attempts concurrently, and never more than may fail before a delay starts.
   * Once no more may fail, attempts run one by one.
   */
  private async enqueue(
    keys: AttemptKeys,
    isKnown: boolean,
    run: (failures: number) => Promise<boolean>,
  ): Promise<boolean> {
    const { rangeKey } = keys;
    const queue = this.queues.get(rangeKey) ?? [];
    if (queue.length >= MAX_CONCURRENT + MAX_QUEUED) {
      throw unavailable(`${queue.length} attempts at one account are under way`, RETRY_AFTER);
    }
    this.queues.set(rangeKey, queue);
    let finish = (): void => undefined;
    const attempt = new Promise<void>((resolve) => (finish = resolve));
    queue.push(attempt);
    try {
      for (;;) {
        // Read the queue first. Otherwise an attempt that ends between the two reads would be
        // missed.
        const earlier = queue.slice(0, queue.indexOf(attempt));
        const failures = await this.requireNoDelay(keys, isKnown);
        const mayStart =
          earlier.length < MAX_CONCURRENT && failures + earlier.length < MAX_IN_RANGE;
        if (earlier.length === 0 || mayStart) {
          return await run(failures);
        }
        await Promise.race(earlier);
      }
    } finally {
      void queue.splice(queue.indexOf(attempt), 1);
      if (queue.length === 0) this.queues.delete(rangeKey);
      finish();
    }
  }

  /** The log does not name the account, because an unknown name may be a password. */
  private warnOfDelay(failures: number, { ip, requestId }: Client): void {
    if (failures < MAX_IN_RANGE) return;
    const origin = `request ${requestId ?? 'none'}, from ${ip ?? 'an unknown address'}`;
    this.events.warn('login_delayed', 'failures from one range of addresses', origin);
  }

  /** @param signal stops the removal after the current batch */
  removeOld(signal?: AbortSignal, onProgress?: OnRemovalProgress): Promise<void> {
    const old = {
      key: 'key',
      column: 'lastAt',
      timestamp: Date.now() - FAILURE_RETENTION,
    } as const;
    return removeInBatches(this.database, LoginFailure, old, signal, onProgress);
  }

  /**
   * @returns the number of consecutive failures from the range
   * @throws ApiError `too_many_requests` during a delay
   */
  private async requireNoDelay(keys: AttemptKeys, isKnown: boolean): Promise<number> {
    const { rangeKey, accountKey } = keys;
    const now = Date.now();
    const rows = await this.readFailures(now, keys);
    const find = (key: string) => rows.find((row) => row.key === key);
    // Failures of others do not delay the owner at a range from which the owner has logged in.
    const isFamiliar = isKnown || (await this.isFamiliar(find(accountKey), now, keys));
    const ends = [
      endOfDelay(find(rangeKey), MAX_IN_RANGE),
      isFamiliar ? 0 : endOfDelay(find(accountKey), MAX_IN_ALL),
    ];
    const wait = Math.max(...ends) - now;
    if (wait <= 0) return find(rangeKey)?.count ?? 0;
    throw new ApiError(tooManyRequests, {
      headers: { 'retry-after': String(Math.ceil(wait / 1000)) },
      cause: 'passwords of an account are being guessed',
    });
  }

  /**
   * Reads the failures that count for an attempt. If the clock was set back, the timestamps of
   * failures may be later than `now`, and their delays would last until the clock reaches that time
   * again. Such timestamps are set to `now`.
   */
  private async readFailures(
    now: number,
    { rangeKey, accountKey }: AttemptKeys,
  ): Promise<LoginFailure[]> {
    const rows = await this.failures.all({ rangeKey, accountKey });
    if (rows.every(({ lastAt }) => lastAt <= now)) return rows;
    await this.database.write(async (manager) => {
      // The same order as in `countFailure`, to avoid deadlocks.
      for (const key of [rangeKey, accountKey]) {
        await manager.update(LoginFailure, { key, lastAt: MoreThan(now) }, { lastAt: now });
      }
    });
    return rows.map((row) => ({ ...row, lastAt: Math.min(row.lastAt, now) }));
  }

  /**
   * Whether a session of the account was opened from the range. Ended sessions count until they are
   * removed.
   */
  private async isFamiliar(
    ofAccount: LoginFailure | undefined,
    now: number,
    { name, range }: AttemptKeys,
  ): Promise<boolean> {
    // Without a delay, the answer does not matter, and costs no query.
    if (endOfDelay(ofAccount, MAX_IN_ALL) <= now) return false;
    const id = await this.users.idOf(name);
    const ips = await this.sessions.addressesOf(String(id));
    return ips.some((ip) => addressRange(ip) === range);
  }

  private async countFailure(
    { rangeKey, accountKey }: AttemptKeys,
    onFailure: () => Promise<void>,
  ): Promise<void> {
    await this.database.write(async (manager) => {
      // The same order everywhere, to avoid deadlocks.
      for (const key of [rangeKey, accountKey]) {
        const row = { key, count: 0, lastAt: 0 };
        const insert = manager.createQueryBuilder().insert().into(LoginFailure).values(row);
        await insert.orIgnore().execute();
        const failed = { count: () => 'count + 1', lastAt: Date.now() };
        await manager.update(LoginFailure, { key }, failed);
      }
      await onFailure();
    });
  }

  /** Deletes the failures of this range, and subtracts them from those of the account. */
  private async clearFailures({ rangeKey, accountKey }: AttemptKeys): Promise<void> {
    await this.database.write(async (manager) => {
      const row = await manager.findOneBy(LoginFailure, { key: rangeKey });
      const { affected } = await manager.delete(LoginFailure, { key: rangeKey });
      // A concurrent login has cleared them already.
      if (!row || affected === 0) return;
      await manager.decrement(LoginFailure, { key: accountKey }, 'count', row.count);
    });
  }
}
