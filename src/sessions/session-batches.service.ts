import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';
import type { Select } from '../database/select.js';
import { WRITE_BATCH } from '../database/write-batches.service.js';
import { endedValues, liveOf } from './session.repository.js';
import { Session } from './session.entity.js';

/**
 * Ends and removes sessions in batches, because a subject may have any number of them; see
 * `WriteBatchesService`.
 */
@Injectable()
export class SessionBatchesService {
  private readonly beyondBatch: Select<Session, 'subject' | 'now'>;

  constructor(private readonly database: Database) {
    this.beyondBatch = database.select({
      parameters: ['subject', 'now'],
      query: (manager) => liveOf(manager).select('session.id').offset(WRITE_BATCH).limit(1),
    });
  }

  /** Whether the subject has more active sessions than `endBatch` ends. */
  async exceedBatch(subject: string): Promise<boolean> {
    return (await this.beyondBatch.first({ subject, now: Date.now() })) !== undefined;
  }

  /**
   * Ends up to `WRITE_BATCH` active sessions of the subject, except the one with the id `except`.
   *
   * @returns the number of sessions that were ended
   */
  async endBatch(subject: string, except: string | null): Promise<number> {
    const now = Date.now();
    return this.database.write(async (manager) => {
      const batch = liveOf(manager).select('session.id').limit(WRITE_BATCH);
      if (except !== null) batch.andWhere('session.id <> :except');
      const { affected } = await manager
        .createQueryBuilder()
        .update(Session)
        .set(endedValues())
        .where(`ended_at IS NULL AND id IN (${batch.getQuery()})`, { subject, now, except })
        .execute();
      return affected ?? 0;
    });
  }

  /**
   * Ends up to `WRITE_BATCH` active sessions of any subject.
   *
   * @returns the number of sessions that were ended
   */
  async endAnyBatch(): Promise<number> {
    const now = Date.now();
    return this.database.write(async (manager) => {
      const batch = manager
        .createQueryBuilder(Session, 'session')
        .select('session.id')
        .where('session.endedAt IS NULL AND session.expiresAt > :now')
        .limit(WRITE_BATCH);
      const { affected } = await manager
        .createQueryBuilder()
        .update(Session)
        .set(endedValues())
        .where(`ended_at IS NULL AND id IN (${batch.getQuery()})`, { now })
        .execute();
      return affected ?? 0;
    });
  }

  /**
   * Removes up to `WRITE_BATCH` sessions of the subject.
   *
   * @returns whether there may be more
   */
  async removeBatch(subject: string): Promise<boolean> {
    return this.database.write(async (manager) => {
      const batch = manager
        .createQueryBuilder(Session, 'session')
        .select('session.id')
        .where('session.subject = :subject')
        .limit(WRITE_BATCH);
      const { affected } = await manager
        .createQueryBuilder()
        .delete()
        .from(Session)
        .where(`id IN (${batch.getQuery()})`, { subject })
        .execute();
      return affected === WRITE_BATCH;
    });
  }
}
