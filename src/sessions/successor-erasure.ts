import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';
import { pauseSince } from '../scheduling/pause.js';
import { PeriodicJobs } from '../scheduling/periodic-jobs.js';
import { AppConfig } from '../config/app-config.js';
import { Database } from '../database/database.js';
import type { Select } from '../database/select.js';
import { Session } from './session.entity.js';

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
export class SuccessorErasure {
  private readonly overdue: Select<Session, 'moment' | 'latest'>;
  /** Whether the log of the database may still hold what was erased. */
  private isInLog = false;

  constructor(
    private readonly database: Database,
    private readonly config: AppConfig,
    jobs: PeriodicJobs,
  ) {
    const run = (signal: AbortSignal) => this.eraseOverdue(signal);
    jobs.add({ name: 'erase successors of refresh tokens', interval: EVERY, run });
    this.overdue = database.select({
      parameters: ['moment', 'latest'],
      query: (manager) =>
        manager
          .createQueryBuilder(Session, 'session')
          .select('session.id')
          .where('session.successor IS NOT NULL')
          .andWhere('(session.spentAt <= :moment OR session.spentAt > :latest)')
          .limit(BATCH),
    });
  }

  /** Looks first, so that a run that finds nothing takes no lock. */
  async eraseOverdue(signal?: AbortSignal): Promise<void> {
    while (!signal?.aborted) {
      const begun = performance.now();
      const ids = (await this.overdue.all(this.times())).map(({ id }) => id);
      if (ids.length > 0) await this.erase(ids);
      if (ids.length < BATCH) break;
      await pauseSince(begun, signal);
    }
    if (this.isInLog) this.isInLog = !this.database.clearLog();
  }

  /**
   * A successor is overdue if its token was spent up to `moment`. It is overdue as well if that was
   * after `latest`, which happens if the clock was set back: the grace period would last until the clock
   * is there again. Both are read anew for each statement, since a round may take longer than the leeway.
   */
  private times(): { moment: number; latest: number } {
    const { refreshGrace, jwtLeeway } = this.config;
    const now = Date.now();
    return { moment: now - refreshGrace * 1000, latest: now + jwtLeeway * 1000 };
  }

  /** The session may have moved on since it was looked at, hence the second condition. */
  private async erase(ids: string[]): Promise<void> {
    this.isInLog = true;
    await this.database.write((manager) =>
      manager
        .createQueryBuilder()
        .update(Session)
        .set({ ...NO_SUCCESSOR })
        .where({ id: In(ids) })
        .andWhere('(spent_at <= :moment OR spent_at > :latest)', this.times())
        .execute(),
    );
  }
}
