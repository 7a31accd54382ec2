import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { SessionRepository } from './session.repository.js';

/** How often what was seen is written, in milliseconds: `last_used_at` may lag by a minute. */
const EVERY = 30_000;
/** Sessions that are remembered until then; where there are more, they are written at once. */
const MAX_REMEMBERED = 10_000;
/** Rows that one write changes, so that none holds the others up for long. */
const BATCH = 100;

/** Remembers which sessions are used, so that a read costs no write. */
@Injectable()
export class SessionActivity implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(SessionActivity.name);
  private timer: NodeJS.Timeout | undefined;
  private seen = new Map<string, number>();
  private writing: Promise<void> = Promise.resolve();

  constructor(private readonly sessions: SessionRepository) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.flush(), EVERY).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.flush();
  }

  note(sessionId: string): void {
    this.seen.set(sessionId, Date.now());
    if (this.seen.size >= MAX_REMEMBERED) void this.flush();
  }

  /** Writes what was seen. A failure is logged: the time of the next use will do as well. */
  flush(): Promise<void> {
    const uses = [...this.seen];
    this.seen = new Map();
    this.writing = this.writing.then(() => this.write(uses));
    return this.writing;
  }

  private async write(uses: [id: string, at: number][]): Promise<void> {
    try {
      for (let start = 0; start < uses.length; start += BATCH) {
        await this.sessions.noteUse(uses.slice(start, start + BATCH));
      }
    } catch (error) {
      this.logger.error('The use of sessions could not be noted', error);
    }
  }
}
