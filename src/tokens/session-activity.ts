import { Injectable } from '@nestjs/common';
import { PeriodicTask } from '../common/periodic-task.js';
import { SessionRepository } from './session.repository.js';

/** Sessions that are remembered until the next round; where there are more, it comes at once. */
const MAX_REMEMBERED = 10_000;
/** Rows that one write changes, so that none holds the others up for long. */
const BATCH = 100;

/** Remembers which sessions are used, so that a read costs no write: `last_used_at` may lag. */
@Injectable()
export class SessionActivity extends PeriodicTask {
  private seen = new Map<string, number>();

  constructor(private readonly sessions: SessionRepository) {
    super({ every: 30_000 });
  }

  note(sessionId: string): void {
    this.seen.set(sessionId, Date.now());
    if (this.seen.size >= MAX_REMEMBERED) void this.run();
  }

  override async onModuleDestroy(): Promise<void> {
    await super.onModuleDestroy();
    await this.run();
  }

  /** Writes what was seen. Where that fails it is forgotten: the next use will do as well. */
  protected override async work(): Promise<void> {
    const uses = [...this.seen];
    this.seen = new Map();
    for (let start = 0; start < uses.length; start += BATCH) {
      await this.sessions.noteUse(uses.slice(start, start + BATCH));
    }
  }
}
