import { Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { ApiError } from '../errors/api-error.js';
import { messageOf } from '../errors/error-message.js';
import { WindowCounter } from './window-counter.js';

/**
 * Work that is done at the start and then every so often. A failure is logged, and the next round
 * tries again: nothing may depend on it at once.
 */
export abstract class PeriodicTask implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(this.constructor.name);
  private readonly abort = new AbortController();
  /** Lets one line a minute of each cause into the log: rounds may fail every second. */
  private readonly lines = new WindowCounter({ max: 1, window: 60_000, maxKeys: 16 });
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();

  /** @param options.every in milliseconds */
  constructor(private readonly options: { every: number }) {}

  /** Is aborted at shutdown. Work of several batches ends then after the one that is under way. */
  protected get stopping(): AbortSignal {
    return this.abort.signal;
  }

  protected abstract work(): Promise<void>;

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.run(), this.options.every).unref();
    void this.run();
  }

  /** Ends the round that is under way, and waits for its end: the database closes next. */
  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    this.abort.abort();
    await this.running;
  }

  /** Does the work now, behind a round that is under way. */
  run(): Promise<void> {
    this.running = this.running.then(async () => {
      try {
        await this.work();
      } catch (error) {
        this.logFailure(error);
      }
    });
    return this.running;
  }

  /** An outage of the database is no fault of the code, so that no stack is logged. */
  private logFailure(error: unknown): void {
    const isOutage = error instanceof ApiError;
    const reason = isOutage ? error.reason : messageOf(error);
    if (this.lines.take(reason) > 0) return;
    if (isOutage) this.logger.warn(`A round failed, and will be repeated: ${reason}`);
    else this.logger.error('A round failed', error);
  }
}
