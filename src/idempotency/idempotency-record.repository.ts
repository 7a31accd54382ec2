import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';
import { updateRows } from '../database/statements/change-rows.js';
import { insertRow } from '../database/statements/insert-row.js';
import { codeOf } from '../database/driver-error.js';
import {
  deleteBatch,
  removeInBatches,
  type OnRemovalProgress,
} from '../database/remove-in-batches.js';
import type { Select } from '../database/select.js';
import { WRITE_BATCH } from '../database/write-batches.service.js';
import { ApiError, tooManyRequests } from '../errors/api-error.js';
import { idempotencyInProgress } from './idempotency-errors.js';
import { IdempotencyRecord } from './idempotency-record.entity.js';

/** Maximum number of live records of one caller. */
export const MAX_RECORDS = 1000;
/**
 * Number of records below the limit from which a caller's new records are added one by one. It is far
 * more than the writes of one caller that all instances can run at the same time.
 */
const MARGIN = 200;

/** PostgreSQL: a statement waited too long for a lock (`lock_not_available`). */
const LOCK_TIMEOUT = '55P03';

export type Claim = Pick<IdempotencyRecord, 'id' | 'caller' | 'fingerprint' | 'expiresAt'>;
export type Answer = Pick<IdempotencyRecord, 'body' | 'version' | 'location' | 'userId'>;

/** Reads and writes the answers to requests with an `Idempotency-Key`. */
@Injectable()
export class IdempotencyRecordRepository {
  private readonly live: Select<IdempotencyRecord, 'id' | 'now'>;
  private readonly oldest: Select<IdempotencyRecord, 'caller' | 'now'>;
  private readonly nearLimit: Select<IdempotencyRecord, 'caller' | 'now'>;
  private readonly atLimit: Select<IdempotencyRecord, 'caller' | 'now'>;

  constructor(private readonly database: Database) {
    this.live = database.select({
      parameters: ['id', 'now'],
      query: (manager) =>
        manager
          .createQueryBuilder(IdempotencyRecord, 'record')
          .where('record.id = :id AND record.expiresAt > :now'),
    });
    // The nth record of a caller, counted from the one that expires first.
    const nth = (n: number, lock?: 'exclusive') =>
      database.select<IdempotencyRecord, 'caller' | 'now'>({
        parameters: ['caller', 'now'],
        ...(lock && { lock }),
        query: (manager) =>
          manager
            .createQueryBuilder(IdempotencyRecord, 'record')
            .select(['record.id', 'record.expiresAt'])
            .where('record.caller = :caller AND record.expiresAt > :now')
            .orderBy('record.expiresAt')
            .offset(n - 1)
            .limit(1),
      });
    this.oldest = nth(1, 'exclusive');
    this.nearLimit = nth(MAX_RECORDS - MARGIN);
    this.atLimit = nth(MAX_RECORDS);
  }

  /** The record of a request, unless it has expired. */
  find(id: string): Promise<IdempotencyRecord | undefined> {
    return this.live.first({ id, now: Date.now() });
  }

  /**
   * Inserts a record without its answer. Another request with the same id waits until this write ends.
   * Call it within the write of the request, before anything else is written.
   *
   * @throws ApiError `idempotency_in_progress` if there is such a record already, or another write that
   *   inserts it has not ended in time; `too_many_requests`
   */
  async claim(claim: Claim): Promise<void> {
    await this.refuseBeyondLimit(claim.caller);
    await this.database.writeUnique(idempotencyInProgress, async (manager) => {
      try {
        await insertRow(manager, IdempotencyRecord, claim);
      } catch (error) {
        if (codeOf(error) !== LOCK_TIMEOUT) throw error;
        throw new ApiError(idempotencyInProgress, { cause: error });
      }
    });
  }

  /** Adds the answer to a claimed record, in the same write. */
  async complete(id: string, answer: Answer): Promise<void> {
    await this.database.write((manager) =>
      updateRows(manager, IdempotencyRecord, answer, { sql: 'id = :id', values: { id } }),
    );
  }

  /** Removes a record that has expired, so that its id can be claimed again. */
  async removeExpired(id: string): Promise<void> {
    await this.database.write((manager) =>
      manager
        .createQueryBuilder()
        .delete()
        .from(IdempotencyRecord)
        .where('id = :id AND expires_at <= :now', { id, now: Date.now() })
        .execute(),
    );
  }

  /** @param signal stops the removal after the current batch */
  removeAllExpired(signal?: AbortSignal, onProgress?: OnRemovalProgress): Promise<void> {
    const rows = { key: 'id', column: 'expiresAt', timestamp: Date.now() } as const;
    return removeInBatches(this.database, IdempotencyRecord, rows, signal, onProgress);
  }

  /**
   * Removes up to `WRITE_BATCH` records of a user who is deleted.
   *
   * @returns whether there may be more
   */
  async removeBatch(userId: number): Promise<boolean> {
    const removed = await deleteBatch(this.database, IdempotencyRecord, {
      ...{ key: 'id', condition: 'row.userId = :userId', values: { userId } },
      limit: WRITE_BATCH,
    });
    return removed === WRITE_BATCH;
  }

  /**
   * Near the limit, concurrent requests of one caller lock the same row before they count, so that they
   * cannot exceed the limit together, at any number of instances.
   */
  private async refuseBeyondLimit(caller: string): Promise<void> {
    const now = Date.now();
    if (!(await this.nearLimit.first({ caller, now }))) return;
    const oldest = await this.oldest.first({ caller, now });
    if (!oldest || !(await this.atLimit.first({ caller, now }))) return;
    const seconds = Math.ceil((oldest.expiresAt - now) / 1000);
    throw new ApiError(tooManyRequests, {
      headers: { 'retry-after': String(seconds) },
      cause: 'the caller has too many idempotency keys',
    });
  }
}
