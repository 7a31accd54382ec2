import { Injectable } from '@nestjs/common';
import { pauseSince } from '../scheduling/pause.js';
import { PeriodicJobsService } from '../scheduling/periodic-jobs.service.js';
import { SessionRepository } from './session.repository.js';

/** Maximum number of sessions whose use is not written yet. Beyond it, they are written at once. */
const MAX_REMEMBERED = 10_000;
/** Rows that one write changes, so that no write delays others for long. */
const BATCH = 100;

/**
 * Collects the use of sessions and writes it at intervals, so that a read costs no write.
 * `last_used_at` may lag behind.
 */
@Injectable()
export class SessionActivityService {
  private seen = new Map<string, number>();
  private isWriteRequested = false;
  /** Writes at once, or after the current write. */
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
    } else if (!this.isWriteRequested) {
      this.isWriteRequested = true;
      void this.writeNow();
    }
  }

  /** The last use of each session, if it is not written yet. */
  unwrittenUses(ids: readonly string[]): [id: string, at: number][] {
    return ids.flatMap((id) => {
      const at = this.seen.get(id);
      return at === undefined ? [] : [[id, at] as [string, number]];
    });
  }

  /**
   * Writes the collected uses. Uses are lost if a write fails, because the next use replaces them.
   */
  async write(signal?: AbortSignal): Promise<void> {
    const uses = [...this.seen];
    this.seen = new Map();
    this.isWriteRequested = false;
    for (let start = 0; start < uses.length; start += BATCH) {
      const begun = performance.now();
      await this.sessions.recordUses(uses.slice(start, start + BATCH));
      if (start + BATCH < uses.length) await pauseSince(begun, signal);
    }
  }
}
