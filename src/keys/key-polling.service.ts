import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { ApiError } from '../errors/api-error.js';
import { messageOf } from '../errors/error-message.js';
import { WindowCounter } from '../scheduling/window-counter.js';
import { TokenKeys } from './token-keys.js';

/**
 * Loads changed keys at intervals. It is no periodic job, because those end before the last requests
 * are answered, and a retired key must not be accepted in the meantime.
 */
@Injectable()
export class KeyPollingService implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(KeyPollingService.name);
  /** Logs one line a minute for each cause. */
  private readonly lines = new WindowCounter({ max: 1, window: 60_000, maxKeys: 16 });
  private timer: NodeJS.Timeout | undefined;
  private latest: Promise<void> = Promise.resolve();

  constructor(private readonly keys: TokenKeys) {}

  onApplicationBootstrap(): void {
    const { pollInterval } = this.keys;
    if (pollInterval === undefined) return;
    const poll = () => {
      this.latest = this.poll();
    };
    this.timer = setInterval(poll, pollInterval).unref();
  }

  /** Waits for the current poll, because the database closes next. */
  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.latest;
  }

  private async poll(): Promise<void> {
    try {
      await this.keys.reload();
    } catch (error) {
      const reason = error instanceof ApiError ? error.reason : messageOf(error);
      if (this.lines.take(reason) > 0) return;
      this.logger.warn(`The keys were not checked for changes: ${reason}`);
    }
  }
}
