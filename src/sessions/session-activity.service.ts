import { Injectable } from '@nestjs/common';
import { pauseSince } from '../scheduling/pause.js';
import { PeriodicJobsService } from '../scheduling/periodic-jobs.service.js';
import { SessionRepository } from './session.repository.js';

/** Sessions that are remembered; where there are as many, the next round comes at once. */
const MAX_REMEMBERED = 10_000;
/** Rows that one write changes, so that none holds the others up for long. */
const BATCH = 100;

/** Remembers which sessions are used, so that a read costs no write: `last_used_at` may lag. */
@Injectable()
export class SessionActivityService {
  private seen = new Map<string, number>();
  private early = false;
  /** Writes now, after a write that is under way. */
  private readonly writeNow: () => Promise<void>;

  constructor(
    private readonly sessions: SessionRepository,
    jobs: PeriodicJobsService,
  ) {
    const run = (signal: AbortSignal) => this.write(signal);
    this.writeNow = jobs.add({
      name: 'write the use of sessions',
      interval: 30_000,
      run,
      runAtShutdown: true,
    });
  }

  record(sessionId: string): void {
    if (this.seen.size < MAX_REMEMBERED || this.seen.has(sessionId)) {
      this.seen.set(sessionId, Date.now());
    } else if (!this.early) {
      this.early = true;
      void this.writeNow();
    }
  }

  /** When sessions were used, of those whose use is not written yet. */
  unwrittenUses(ids: readonly string[]): [id: string, at: number][] {
    return ids.flatMap((id) => {
      const at = this.seen.get(id);
      return at === undefined ? [] : [[id, at] as [string, number]];
    });
  }

  /** Writes what was seen. It is forgotten if the write fails, because the next use replaces it. */
  async write(signal?: AbortSignal): Promise<void> {
    const uses = [...this.seen];
    this.seen = new Map();
    this.early = false;
    for (let start = 0; start < uses.length; start += BATCH) {
      const begun = performance.now();
      await this.sessions.recordUses(uses.slice(start, start + BATCH));
      if (start + BATCH < uses.length) await pauseSince(begun, signal);
    }
  }
}
