import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { ApiError, tooManyRequests } from '../common/api-error.js';
import { PeriodicTask } from '../common/periodic-task.js';
import { nfc } from '../common/values.js';
import { Database } from '../database/database.js';
import { removeInBatches } from '../database/remove-in-batches.js';
import type { Select } from '../database/select.js';
import { addressRange } from '../http/client-address.js';
import type { Client } from '../http/client.js';
import { SessionRepository } from '../tokens/session.repository.js';
import { UsersService } from '../users/users.service.js';
import { LoginFailure } from './login-failure.js';

/** Failures in a row before logins are delayed: from one range of addresses, and from all. */
const MAX_IN_RANGE = 5;
const MAX_IN_ALL = 50;
/** Milliseconds. Each failure doubles the delay. */
const FIRST_DELAY = 15_000;
const LONGEST_DELAY = 15 * 60_000;
/** Failures are forgotten when there was none for so long. */
const MEMORY = 24 * 3600_000;

/** The digests under which the failures of an attempt are counted. */
interface Counters {
  name: string;
  range: string;
  inRange: string;
  inAll: string;
  /** Whether there were failures from there when it was looked. */
  hasFailed: boolean;
}

/**
 * Slows down who guesses passwords (NIST SP 800-63B, section 5.2.2): after some failures in a row
 * an account's logins are delayed for growing spans, whether or not there is such an account. It
 * lies in the database, so that instances share it. See docs/decisions/0012-guessing.md.
 */
@Injectable()
export class LoginThrottle extends PeriodicTask {
  private readonly failures: Select<LoginFailure, 'inRange' | 'inAll'>;

  constructor(
    private readonly database: Database,
    private readonly users: UsersService,
    private readonly sessions: SessionRepository,
  ) {
    super({ every: 15 * 60_000 });
    this.failures = database.select({
      parameters: ['inRange', 'inAll'],
      query: (manager) =>
        manager
          .createQueryBuilder(LoginFailure, 'failure')
          .where('failure.key IN (:inRange, :inAll)'),
    });
  }

  /**
   * @param name of the account that is tried, whether or not there is one
   * @param attempt verifies the password, and asks `look` right before: of those that come at once
   * no more are verified than would be one after the other, give or take the cores
   * @param onFailure is part of the write that counts the failure
   * @returns what `attempt` gives; null, for a failure, is counted
   * @throws ApiError `too_many_requests` where it is too early
   */
  async guard<T>(
    name: string,
    client: Client,
    attempt: (look: () => Promise<void>) => Promise<T | null>,
    onFailure: () => Promise<void>,
  ): Promise<T | null> {
    const counters = countersOf(nfc(name), client);
    const result = await attempt(() => this.look(counters));
    if (result !== null) {
      if (counters.hasFailed) await this.forget(counters.inRange);
      return result;
    }
    await this.database.write(async () => {
      // In this order everywhere, lest two wait for each other.
      await this.count(counters.inRange);
      await this.count(counters.inAll);
      await onFailure();
    });
    return null;
  }

  protected override work(): Promise<void> {
    const moment = Date.now() - MEMORY;
    return removeInBatches(this.database, LoginFailure, { key: 'key', column: 'lastAt', moment });
  }

  private async look(counters: Counters): Promise<void> {
    const { inRange, inAll } = counters;
    const rows = await this.failures.all({ inRange, inAll });
    const find = (key: string) => rows.find((row) => row.key === key);
    counters.hasFailed = find(inRange) !== undefined;
    const ends = [
      endOfDelay(find(inRange), MAX_IN_RANGE),
      // A stranger's failures do not keep the owner out of the places they log in from.
      (await this.isFamiliar(find(inAll), counters)) ? 0 : endOfDelay(find(inAll), MAX_IN_ALL),
    ];
    const wait = Math.max(...ends) - Date.now();
    if (wait <= 0) return;
    throw new ApiError(tooManyRequests, {
      headers: { 'retry-after': String(Math.ceil(wait / 1000)) },
      cause: 'passwords of an account are being guessed',
    });
  }

  /** Whether the account was logged in to from there, while its sessions are remembered. */
  private async isFamiliar(
    inAll: LoginFailure | undefined,
    { name, range }: Counters,
  ): Promise<boolean> {
    if (!inAll || endOfDelay(inAll, MAX_IN_ALL) <= Date.now()) return false;
    const id = await this.users.idOf(name);
    const ips = await this.sessions.addressesOf(String(id));
    return ips.some((ip) => addressRange(ip) === range);
  }

  private async count(key: string): Promise<void> {
    await this.database.write(async (manager) => {
      const row = { key, count: 0, lastAt: 0 };
      await manager
        .createQueryBuilder()
        .insert()
        .into(LoginFailure)
        .values(row)
        .orIgnore()
        .execute();
      await manager.update(LoginFailure, { key }, { count: () => 'count + 1', lastAt: Date.now() });
    });
  }

  private async forget(key: string): Promise<void> {
    await this.database.write((manager) => manager.delete(LoginFailure, { key }));
  }
}

function countersOf(name: string, client: Client): Counters {
  const range = addressRange(client.ip ?? '');
  return {
    name,
    range,
    inRange: digest(`${range} ${name}`),
    inAll: digest(name),
    hasFailed: false,
  };
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
