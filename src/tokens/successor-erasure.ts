import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';
import { pauseSince } from '../common/pause.js';
import { PeriodicTask } from '../common/periodic-task.js';
import { AppConfig } from '../config/app-config.js';
import { Database } from '../database/database.js';
import type { Select } from '../database/select.js';
import { Session } from './session.js';

/** Milliseconds. Half of the time within which a successor has to be gone after the grace period. */
const EVERY = 5_000;
/** Rows that one write changes. */
const BATCH = 200;

/** What a row keeps of a spent token for as long as it may be repeated. */
export const NO_SUCCESSOR = {
  successor: null,
  spentRange: null,
  spentAgent: null,
  repeatedBy: null,
} as const;

/** Erases sealed successors once the grace period of their spent tokens is over. */
@Injectable()
export class SuccessorErasure extends PeriodicTask {
  private readonly overdue: Select<Session, 'moment'>;
  /** Whether the log of the database may still hold what was erased. */
  private isInLog = false;

  constructor(
    private readonly database: Database,
    private readonly config: AppConfig,
  ) {
    super({ every: EVERY });
    this.overdue = database.select({
      parameters: ['moment'],
      query: (manager) =>
        manager
          .createQueryBuilder(Session, 'session')
          .select('session.id')
          .where('session.successor IS NOT NULL AND session.spentAt <= :moment')
          .limit(BATCH),
    });
  }

  /** Looks first, so that a round that finds nothing takes no lock. */
  protected override async work(): Promise<void> {
    const moment = Date.now() - this.config.refreshGrace * 1000;
    while (!this.stopping.aborted) {
      const begun = performance.now();
      const ids = (await this.overdue.all({ moment })).map(({ id }) => id);
      if (ids.length > 0) await this.erase(ids, moment);
      if (ids.length < BATCH) break;
      await pauseSince(begun, this.stopping);
    }
    if (this.isInLog) this.isInLog = !this.database.clearLog();
  }

  /** The session may have moved on since it was looked at, hence the second condition. */
  private async erase(ids: string[], moment: number): Promise<void> {
    this.isInLog = true;
    await this.database.write((manager) =>
      manager
        .createQueryBuilder()
        .update(Session)
        .set({ ...NO_SUCCESSOR })
        .where({ id: In(ids) })
        .andWhere('spent_at <= :moment', { moment })
        .execute(),
    );
  }
}
