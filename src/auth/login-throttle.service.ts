import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { MoreThan } from 'typeorm';
import { ApiError, tooManyRequests, unavailable } from '../errors/api-error.js';
import { PeriodicJobsService } from '../scheduling/periodic-jobs.service.js';
import { SecurityEventsService } from '../logging/security-events.service.js';
import { nfc } from '../validation/values.js';
import { Database } from '../database/database.js';
import { removeInBatches } from '../database/remove-in-batches.js';
import type { Select } from '../database/select.js';
import { addressRange } from '../http/client-address.js';
import type { Client } from '../http/client.js';
import { SessionRepository } from '../sessions/session.repository.js';
import type { BeforeHash } from '../passwords/password-hasher.js';
import { UsersService } from '../users/users.service.js';
import { LoginFailure } from './login-failure.entity.js';

/** Failures in a row before logins are delayed: from one range of addresses, and from all. */
const MAX_IN_RANGE = 5;
const MAX_IN_ALL = 50;
/** Attempts from one range at one account that are hashed or queued for it at once. */
const MAX_AT_ONCE = 4;
/** Attempts from one range at one account that wait for those before them. */
const MAX_QUEUED = 100;
/** Seconds that an attempt beyond them is told to wait. */
const RETRY_AFTER = 5;
/** Milliseconds. Each failure doubles the delay. */
const FIRST_DELAY = 15_000;
const LONGEST_DELAY = 15 * 60_000;
/** Failures are forgotten when there was none for so long. */
const RETENTION = 24 * 3600_000;

/** The keys of the rows that count the failures of an attempt. */
interface Counters {
  name: string;
  range: string;
  inRange: string;
  inAll: string;
}

interface AttemptOptions {
  /** Counts elsewhere before the verification, and refuses by throwing. */
  beforeVerify?: () => Promise<void>;
  /** Is part of the write that counts the failure. */
  onFailure: () => Promise<void>;
  onSuccess?: () => Promise<void>;
  /** Whether the client is known as the user already: only its own failures delay it then. */
  isKnown?: boolean;
}

/**
 * Throttles password guessing (NIST SP 800-63B, section 5.2.2): after some failures in a row, logins
 * of the account are delayed for growing times, whether or not the account exists. The counts are in
 * the database, so that instances share them. See docs/decisions/0012-guessing.md.
 */
@Injectable()
export class LoginThrottleService {
  private readonly failures: Select<LoginFailure, 'inRange' | 'inAll'>;
  /** The attempts of this process that are being verified, by range and account, in their order. */
  private readonly running = new Map<string, Promise<void>[]>();

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
      parameters: ['inRange', 'inAll'],
      query: (manager) =>
        manager
          .createQueryBuilder(LoginFailure, 'failure')
          .where('failure.key IN (:inRange, :inAll)'),
    });
  }

  /**
   * Verifies a password of the account unless that is refused, and counts a failure before the next
   * attempt is checked: concurrent attempts get no more guesses than sequential ones. Attempts wait
   * for each other here, outside the queue of hashes. An attempt that was queued for its hash is
   * checked again when its turn comes.
   *
   * @param name of the account, whether or not it exists
   * @param verify runs the given check when the hash has its turn, and gives whether the password is right
   * @returns what `verify` gave
   * @throws ApiError `too_many_requests` during a delay, or 503 if too many attempts wait
   */
  attempt(
    name: string,
    client: Client,
    verify: (beforeHash: BeforeHash) => Promise<boolean>,
    { beforeVerify, onFailure, onSuccess, isKnown = false }: AttemptOptions,
  ): Promise<boolean> {
    const counters = countersOf(nfc(name), client);
    const beforeHash = async (queued: boolean) => {
      if (queued) await this.requireNoDelay(counters, isKnown);
      await beforeVerify?.();
    };
    return this.enqueue(counters, isKnown, async (failures) => {
      const isRight = await verify(beforeHash);
      if (!isRight) {
        await this.countFailure(counters, onFailure);
        this.warnOfDelay(failures + 1, client);
        return false;
      }
      if (failures > 0) await this.clearFailures(counters);
      await onSuccess?.();
      return true;
    });
  }

  /**
   * Runs at most four attempts concurrently, and no more than may fail before the delay starts. During
   * failures it runs them one by one.
   */
  private async enqueue(
    counters: Counters,
    isKnown: boolean,
    run: (failures: number) => Promise<boolean>,
  ): Promise<boolean> {
    const { inRange } = counters;
    const queue = this.running.get(inRange) ?? [];
    if (queue.length >= MAX_AT_ONCE + MAX_QUEUED) {
      throw unavailable(`${queue.length} attempts at one account are under way`, RETRY_AFTER);
    }
    this.running.set(inRange, queue);
    let finish = (): void => undefined;
    const attempt = new Promise<void>((resolve) => (finish = resolve));
    queue.push(attempt);
    try {
      for (;;) {
        // Taken before the failures are read: an attempt that ends meanwhile counts twice, not never.
        const earlier = queue.slice(0, queue.indexOf(attempt));
        const failures = await this.requireNoDelay(counters, isKnown);
        const free = earlier.length < MAX_AT_ONCE && failures + earlier.length < MAX_IN_RANGE;
        if (earlier.length === 0 || free) {
          return await run(failures);
        }
        await Promise.race(earlier);
      }
    } finally {
      void queue.splice(queue.indexOf(attempt), 1);
      if (queue.length === 0) this.running.delete(inRange);
      finish();
    }
  }

  /** The log does not say which account it is: names that are tried may be passwords. */
  private warnOfDelay(failures: number, { ip, requestId }: Client): void {
    if (failures < MAX_IN_RANGE) return;
    const origin = `request ${requestId ?? 'none'}, from ${ip ?? 'nowhere'}`;
    this.events.warn('login_delayed', 'failures from one range of addresses', origin);
  }

  /** @param signal ends it before everything is removed */
  removeOld(signal?: AbortSignal): Promise<void> {
    const old = { key: 'key', column: 'lastAt', timestamp: Date.now() - RETENTION } as const;
    return removeInBatches(this.database, LoginFailure, old, signal);
  }

  /** @returns how many failures in a row there were from there */
  private async requireNoDelay(counters: Counters, isKnown: boolean): Promise<number> {
    const { inRange, inAll } = counters;
    const now = Date.now();
    const rows = await this.failuresUntil(now, counters);
    const find = (key: string) => rows.find((row) => row.key === key);
    // A stranger's failures do not keep the owner out of the places they log in from.
    const isFamiliar = isKnown || (await this.isFamiliar(find(inAll), now, counters));
    const ends = [
      endOfDelay(find(inRange), MAX_IN_RANGE),
      isFamiliar ? 0 : endOfDelay(find(inAll), MAX_IN_ALL),
    ];
    const wait = Math.max(...ends) - now;
    if (wait <= 0) return find(inRange)?.count ?? 0;
    throw new ApiError(tooManyRequests, {
      headers: { 'retry-after': String(Math.ceil(wait / 1000)) },
      cause: 'passwords of an account are being guessed',
    });
  }

  /**
   * The failures of an attempt. Those after `now` become failures of `now`: the clock was set back, and
   * their delays would last until it is there again.
   */
  private async failuresUntil(now: number, { inRange, inAll }: Counters): Promise<LoginFailure[]> {
    const rows = await this.failures.all({ inRange, inAll });
    if (rows.every(({ lastAt }) => lastAt <= now)) return rows;
    await this.database.write(async (manager) => {
      // In the order of `count`.
      for (const key of [inRange, inAll]) {
        await manager.update(LoginFailure, { key, lastAt: MoreThan(now) }, { lastAt: now });
      }
    });
    return rows.map((row) => ({ ...row, lastAt: Math.min(row.lastAt, now) }));
  }

  /** Whether the account was logged in to from there, while its sessions are remembered. */
  private async isFamiliar(
    inAll: LoginFailure | undefined,
    now: number,
    { name, range }: Counters,
  ): Promise<boolean> {
    if (endOfDelay(inAll, MAX_IN_ALL) <= now) return false;
    const id = await this.users.idOf(name);
    const ips = await this.sessions.addressesOf(String(id));
    return ips.some((ip) => addressRange(ip) === range);
  }

  private async countFailure(
    { inRange, inAll }: Counters,
    onFailure: () => Promise<void>,
  ): Promise<void> {
    await this.database.write(async (manager) => {
      // One order everywhere, to avoid deadlocks.
      for (const key of [inRange, inAll]) {
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
  private async clearFailures({ inRange, inAll }: Counters): Promise<void> {
    await this.database.write(async (manager) => {
      const row = await manager.findOneBy(LoginFailure, { key: inRange });
      const { affected } = await manager.delete(LoginFailure, { key: inRange });
      // Another login was faster.
      if (!row || affected === 0) return;
      await manager.decrement(LoginFailure, { key: inAll }, 'count', row.count);
    });
  }
}

function countersOf(name: string, client: Client): Counters {
  const range = addressRange(client.ip ?? '');
  // A range contains no space and is never "all", so that the two keys cannot collide.
  return { name, range, inRange: digest(`${range} ${name}`), inAll: digest(`all ${name}`) };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

/** Milliseconds since 1970; 0 where there is no delay. */
function endOfDelay(failure: LoginFailure | undefined, free: number): number {
  if (!failure || failure.count < free) return 0;
  const delay = FIRST_DELAY * 2 ** Math.min(failure.count - free, 20);
  return failure.lastAt + Math.min(delay, LONGEST_DELAY);
}
