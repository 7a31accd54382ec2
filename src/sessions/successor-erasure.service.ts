import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';
import { pauseSince } from '../scheduling/pause.js';
import { PeriodicJobsService } from '../scheduling/periodic-jobs.service.js';
import { AppConfig } from '../config/app-config.js';
import { Database } from '../database/database.js';
import type { Select } from '../database/select.js';
import { Session } from './session.entity.js';

/** Milliseconds: half of the time in which a successor must be erased after the grace period. */
const INTERVAL = 5_000;
/** Rows that one write changes. */
const BATCH = 200;

/** Column values that erase the successor, and what else is only needed to answer repeats. */
export const NO_SUCCESSOR = {
  successor: null,
  rotatedByRange: null,
  rotatedByAgent: null,
  repeatedBy: null,
} as const;

/** Erases sealed successors once the grace period of their rotated tokens is over. */
@Injectable()
export class SuccessorErasureService {
  private readonly overdue: Select<Session, 'over' | 'latest'>;
  /** Whether the log of the database may still hold what was erased. */
  private isInLog = false;

  constructor(
    private readonly database: Database,
    private readonly config: AppConfig,
    jobs: PeriodicJobsService,
  ) {
    const run = (signal: AbortSignal) => this.eraseOverdue(signal);
    jobs.add({ name: 'erase successors of refresh tokens', interval: INTERVAL, run });
    this.overdue = database.select({
      parameters: ['over', 'latest'],
      query: (manager) =>
        manager
          .createQueryBuilder(Session, 'session')
          .select('session.id')
          .where('session.successor IS NOT NULL')
          .andWhere('(session.rotatedAt <= :over OR session.rotatedAt > :latest)')
          .limit(BATCH),
    });
  }

  /** Selects before it writes, so that a run that finds nothing takes no lock. */
  async eraseOverdue(signal?: AbortSignal): Promise<void> {
    while (!signal?.aborted) {
      const begun = performance.now();
      const ids = (await this.overdue.all(this.bounds())).map(({ id }) => id);
      if (ids.length > 0) await this.erase(ids);
      if (ids.length < BATCH) break;
      await pauseSince(begun, signal);
    }
    if (this.isInLog) this.isInLog = !(await this.database.clearLog());
  }

  /**
   * A successor is overdue if its token was rotated at `over` or earlier, or later than `latest`. The
   * latter happens if the clock was set back: the grace period would last until the clock reaches that
   * time again. Each statement computes both anew, since a run may take longer than the leeway.
   */
  private bounds(): { over: number; latest: number } {
    const { refreshGrace, jwtLeeway } = this.config;
    const now = Date.now();
    return { over: now - refreshGrace * 1000, latest: now + jwtLeeway * 1000 };
  }

  /** Repeats the condition, because the session may have been refreshed since it was selected. */
  private async erase(ids: string[]): Promise<void> {
    this.isInLog = true;
    await this.database.write((manager) =>
      manager
        .createQueryBuilder()
        .update(Session)
        .set({ ...NO_SUCCESSOR })
        .where({ id: In(ids) })
        .andWhere('(spent_at <= :over OR spent_at > :latest)', this.bounds())
        .execute(),
    );
  }
}
