import { Injectable, Logger } from '@nestjs/common';
import { PeriodicJobsService } from '../scheduling/periodic-jobs.service.js';
import { Database } from '../database/database.js';
import type { Select } from '../database/select.js';
import { WriteBatchesService } from '../database/write-batches.service.js';
import { SessionBatchesService } from '../sessions/session-batches.service.js';
import { UserRemoval } from './user-removal.entity.js';

/** Removes up to `WRITE_BATCH` rows of a user; returns whether there may be more. */
type RemoveBatch = (userId: number) => Promise<boolean>;

/**
 * Removes the rows of deleted users. The write that deletes a user removes the first batch with the
 * user. If more are left, it keeps a record of that, and the others follow in writes of their own:
 * at once, or after a crash at the next start. Until then no client can see them, because every
 * query of them asks whether the user exists.
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
    private readonly jobs: PeriodicJobsService,
  ) {
    const run = () => this.finishAll();
    jobs.add({ name: 'remove rows of deleted users', interval: 15 * 60_000, run });
    this.locked = database.select({
      parameters: ['userId'],
      lock: 'alone',
      query: (manager) =>
        manager.createQueryBuilder(UserRemoval, 'removal').where('removal.userId = :userId'),
    });
    this.register((userId) => sessions.removeBatch(String(userId)));
  }

  /** Whatever keeps rows of users says here how to remove them. */
  register(remove: RemoveBatch): void {
    this.removers.push(remove);
  }

  /**
   * Within the write that deletes the user.
   *
   * @returns whether all rows are removed; if not, `finish` is to be called after the write
   */
  async begin(userId: number): Promise<boolean> {
    if (!(await this.removeBatch(userId))) return true;
    await this.database.write((manager) => manager.insert(UserRemoval, { userId }));
    return false;
  }

  /** Removes what is left. A failure is logged, and the next round tries again. */
  async finish(userId: number): Promise<void> {
    try {
      await this.batches.run({ group: `subject ${userId}` }, () => this.removeNext(userId));
    } catch (error) {
      this.log.warn(`The rows of user ${userId} are removed later: ${String(error)}`);
    }
  }

  private async finishAll(): Promise<void> {
    const removals = await this.database.write((manager) => manager.find(UserRemoval));
    for (const { userId } of removals) await this.finish(userId);
  }

  private async removeNext(userId: number): Promise<boolean> {
    if (this.jobs.stopping.aborted) return false;
    return this.database.write(async (manager) => {
      // Another instance may do the same, which would find fewer rows than a batch, and stop.
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
