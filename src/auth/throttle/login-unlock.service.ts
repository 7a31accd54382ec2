import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';
import { AuditEntry } from '../../audit/audit-entry.entity.js';
import { AuditService } from '../../audit/audit.service.js';
import { Database } from '../../database/database.js';
import type { KnownUser } from '../../users/user.repository.js';
import {
  attemptKeysOf,
  endOfDelay,
  FAILURE_RETENTION,
  MAX_IN_ALL,
  MAX_IN_RANGE,
} from './login-delay.js';
import { LoginFailure } from './login-failure.entity.js';

/** Keys that one statement names. */
const BATCH = 500;

/** Logins of a user that are delayed. */
export interface LoginDelay {
  /** The address range of the delayed logins; null if logins from all new ranges are delayed. */
  range: string | null;
  /** The timestamp at which the delay ends. */
  until: number;
  failures: number;
}

/**
 * Shows and ends the delays of a user's logins. The rows of failures have digests as keys, from which
 * no address can be read. The addresses of the failures are in the audit trail: each failure of the
 * last `FAILURE_RETENTION` has an entry, unless `AUDIT_RETENTION` is shorter.
 *
 * A provider with `@LoginNames()` needs nothing here, because failures count by the name of the user.
 */
@Injectable()
export class LoginUnlockService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
  ) {}

  /** The current delays, the longest first. */
  async delaysOf(user: KnownUser): Promise<LoginDelay[]> {
    const now = Date.now();
    const ranges = await this.rangesOf(user);
    const rows = await this.failuresOf([...ranges.keys()]);
    return rows
      .map(({ key, count, lastAt }) => {
        const range = ranges.get(key) ?? null;
        // A timestamp in the future is from before the clock was set back.
        const failure = { count, lastAt: Math.min(lastAt, now) };
        const max = range === null ? MAX_IN_ALL : MAX_IN_RANGE;
        return { range, until: endOfDelay(failure, max), failures: count };
      })
      .filter(({ until }) => until > now)
      .sort((one, other) => other.until - one.until);
  }

  /**
   * Deletes the failures of a user, so that the user can log in at once.
   *
   * @returns whether there were any
   */
  async unlock(user: KnownUser): Promise<boolean> {
    const keys = [...(await this.rangesOf(user)).keys()];
    return this.database.write(async (manager) => {
      let deleted = 0;
      // One order everywhere, to avoid deadlocks: the total comes after the ranges.
      for (const batch of batchesOf([...keys.slice(1), keys[0]!])) {
        const { affected } = await manager.delete(LoginFailure, { key: In(batch) });
        deleted += affected ?? 0;
      }
      if (deleted > 0) await this.audit.record('login_unlocked', { userId: user.id });
      return deleted > 0;
    });
  }

  /** The ranges by the keys of their rows. The first key is that of the total, with the range null. */
  private async rangesOf({ id, name }: KnownUser): Promise<Map<string, string | null>> {
    const since = Date.now() - FAILURE_RETENTION;
    const rows = await this.database.write((manager) =>
      manager
        .createQueryBuilder(AuditEntry, 'entry')
        .select('DISTINCT entry.ip', 'ip')
        .where("entry.event = 'login_failed' AND entry.happenedAt > :since", { since })
        // A name may have been tried before its user was registered.
        .andWhere('(entry.userId = :id OR entry.userId IS NULL)', { id })
        .getRawMany<{ ip: string | null }>(),
    );
    const { accountKey } = attemptKeysOf(name, { ip: null });
    const ranges = new Map<string, string | null>([[accountKey, null]]);
    for (const client of rows) {
      const { range, rangeKey } = attemptKeysOf(name, client);
      ranges.set(rangeKey, range);
    }
    return ranges;
  }

  private async failuresOf(keys: readonly string[]): Promise<LoginFailure[]> {
    const rows: LoginFailure[] = [];
    for (const batch of batchesOf(keys)) {
      rows.push(
        ...(await this.database.write((manager) =>
          manager.find(LoginFailure, { where: { key: In(batch) } }),
        )),
      );
    }
    return rows;
  }
}

function* batchesOf(keys: readonly string[]): Generator<string[]> {
  for (let from = 0; from < keys.length; from += BATCH) yield keys.slice(from, from + BATCH);
}
