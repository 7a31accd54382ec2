import { Injectable, Logger } from '@nestjs/common';
import { IdempotencyRecordRepository } from '../idempotency/idempotency-record.repository.js';
import { PeriodicJobsService } from '../scheduling/periodic-jobs.service.js';
import { Database } from '../database/database.js';
import type { Select } from '../database/select.js';
import { WriteBatchesService } from '../database/write-batches.service.js';
import { SessionBatchesService } from '../sessions/session-batches.service.js';
import { UserRemoval } from './user-removal.entity.js';

/** Removes up to `WRITE_BATCH` rows of a user; returns whether there may be more. */
type RemoveBatch = (userId: number) => Promise<boolean>;

/**
 * Removes the rows of deleted users. The write that deletes a user also removes a first batch of
 * rows. If more are left, it stores a `UserRemoval`, and later writes remove them: at once, or
 * after a crash at the next start. Until then no client can see them, because every query for them
 * requires that the user exists.
 */
@Injectable()
export class UserRemovalsService {
  private readonly log = new Logger(UserRemovalsService.name);
  private readonly removers: RemoveBatch[] = [];
  private readonly locked: Select<UserRemoval, 'userId'>;

  constructor(
    private readonly database: Database,
    private readonly batches: WriteBatchesService,
    sessions: SessionBatchesService,
    records: IdempotencyRecordRepository,
    private readonly jobs: PeriodicJobsService,
  ) {
    const run = () => this.finishAll();
    jobs.add({ name: 'remove rows of deleted users', interval: 15 * 60_000, run });
    this.locked = database.select({
      parameters: ['userId'],
      lock: 'exclusive',
      query: (manager) =>
        manager.createQueryBuilder(UserRemoval, 'removal').where('removal.userId = :userId'),
    });
    this.register((userId) => sessions.removeBatch(String(userId)));
    this.register((userId) => records.removeBatch(userId));
  }

  /**
   * Registers a function that removes rows of a deleted user. A module whose rows belong to users
   * calls it. The constructor registers sessions and the answers to
   * requests with an `Idempotency-Key`.
   */
  register(remove: RemoveBatch): void {
    this.removers.push(remove);
  }

  /**
   * Removes a first batch. Call it within the write that deletes the user.
   *
   * @returns whether all rows are removed; if not, call `finish` after the write
   */
  async begin(userId: number): Promise<boolean> {
    if (!(await this.removeBatch(userId))) return true;
    await this.database.write((manager) => manager.insert(UserRemoval, { userId }));
    return false;
  }

  /** Removes the remaining rows. A failure is logged, and the periodic job tries again. */
  async finish(userId: number): Promise<void> {
    try {
      await this.batches.run({ group: `subject ${userId}` }, () => this.removeNext(userId));
    } catch (error) {
      this.log.warn(`The rows of user ${userId} are removed later: ${String(error)}`);
    }
  }

  /**
   * Removes the remaining rows of all deleted users.
   *
   * @param onFinished is called after each user
   */
  async finishAll(onFinished?: (finished: number, total: number) => void): Promise<void> {
    const removals = await this.database.write((manager) => manager.find(UserRemoval));
    for (const [index, { userId }] of removals.entries()) {
      await this.finish(userId);
      onFinished?.(index + 1, removals.length);
    }
  }

  private async removeNext(userId: number): Promise<boolean> {
    if (this.jobs.stopping.aborted) return false;
    return this.database.write(async (manager) => {
      // The lock is exclusive, because an instance that removes rows at the same time would find
      // less than a full batch, and take the removal for complete.
      if (!(await this.locked.first({ userId }))) return false;
      const more = await this.removeBatch(userId);
      if (!more) await manager.delete(UserRemoval, { userId });
      return more;
    });
  }

  private async removeBatch(userId: number): Promise<boolean> {
    for (const remove of this.removers) if (await remove(userId)) return true;
    return false;
  }
}
