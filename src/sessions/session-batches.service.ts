import { Injectable } from '@nestjs/common';
import type { EntityManager, ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import { Database } from '../database/database.js';
import { deleteBatch } from '../database/remove-in-batches.js';
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
  endBatch(subject: string, except: string | null): Promise<number> {
    const parameters = { subject, now: Date.now(), except };
    return this.endSelected(parameters, (manager) => {
      const live = liveOf(manager);
      return except === null ? live : live.andWhere('session.id <> :except');
    });
  }

  /**
   * Ends up to `WRITE_BATCH` active sessions of any subject.
   *
   * @returns the number of sessions that were ended
   */
  endAnyBatch(): Promise<number> {
    return this.endSelected({ now: Date.now() }, (manager) =>
      manager
        .createQueryBuilder(Session, 'session')
        .where('session.endedAt IS NULL AND session.expiresAt > :now'),
    );
  }

  /**
   * Removes up to `WRITE_BATCH` sessions of the subject.
   *
   * @returns whether there may be more
   */
  async removeBatch(subject: string): Promise<boolean> {
    const removed = await deleteBatch(this.database, Session, {
      ...{ key: 'id', condition: 'row.subject = :subject', values: { subject } },
      limit: WRITE_BATCH,
    });
    return removed === WRITE_BATCH;
  }

  /** Ends up to `WRITE_BATCH` of the selected sessions, and returns their number. */
  private endSelected(
    parameters: ObjectLiteral,
    select: (manager: EntityManager) => SelectQueryBuilder<Session>,
  ): Promise<number> {
    return this.database.write(async (manager) => {
      const batch = select(manager).select('session.id').limit(WRITE_BATCH);
      const { affected } = await manager
        .createQueryBuilder()
        .update(Session)
        .set(endedValues())
        .where(`ended_at IS NULL AND id IN (${batch.getQuery()})`, parameters)
        .execute();
      return affected ?? 0;
    });
  }
}
