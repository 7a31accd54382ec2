import { Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';

/**
 * Work that is done at the start and then every so often. A failure is logged, and the next round
 * tries again: nothing may depend on it at once.
 */
export abstract class PeriodicTask implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(this.constructor.name);
  private readonly abort = new AbortController();
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
        this.logger.error('A round failed', error);
      }
    });
    return this.running;
  }
}
