import { Injectable } from '@nestjs/common';
import { pauseSince } from '../scheduling/pause.js';
import { PeriodicTask } from '../scheduling/periodic-task.js';
import { SessionRepository } from './session.repository.js';

/** Sessions that are remembered; where there are as many, the next round comes at once. */
const MAX_REMEMBERED = 10_000;
/** Rows that one write changes, so that none holds the others up for long. */
const BATCH = 100;

/** Remembers which sessions are used, so that a read costs no write: `last_used_at` may lag. */
@Injectable()
export class SessionActivity extends PeriodicTask {
  private seen = new Map<string, number>();
  private early = false;

  constructor(private readonly sessions: SessionRepository) {
    super({ every: 30_000 });
  }

  note(sessionId: string): void {
    if (this.seen.size < MAX_REMEMBERED || this.seen.has(sessionId)) {
      this.seen.set(sessionId, Date.now());
    } else if (!this.early) {
      this.early = true;
      void this.run();
    }
  }

  /** When sessions were used, of those whose use is not written yet. */
  unwrittenUses(ids: readonly string[]): [id: string, at: number][] {
    return ids.flatMap((id) => {
      const at = this.seen.get(id);
      return at === undefined ? [] : [[id, at] as [string, number]];
    });
  }

  override async onModuleDestroy(): Promise<void> {
    await super.onModuleDestroy();
    await this.run();
  }

  /** Writes what was seen. Where that fails it is forgotten: the next use will do as well. */
  protected override async work(): Promise<void> {
    const uses = [...this.seen];
    this.seen = new Map();
    this.early = false;
    for (let start = 0; start < uses.length; start += BATCH) {
      const begun = performance.now();
      await this.sessions.noteUse(uses.slice(start, start + BATCH));
      if (start + BATCH < uses.length) await pauseSince(begun, this.stopping);
    }
  }
}
