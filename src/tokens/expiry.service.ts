import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { TokenStateRepository } from './token-state.repository.js';

const EVERY = 15 * 60 * 1000;

/** Keeps the tables of sessions and revoked tokens as small as the tokens that are still valid. */
@Injectable()
export class ExpiryService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(ExpiryService.name);
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly states: TokenStateRepository) {}

  onApplicationBootstrap(): void {
    const sweep = (): void => {
      this.running = this.sweep();
    };
    this.timer = setInterval(sweep, EVERY).unref();
    sweep();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  /** A failure is logged and the next round tries again: nothing depends on it at once. */
  async sweep(): Promise<void> {
    try {
      await this.states.removeExpired(Date.now());
    } catch (error) {
      this.logger.error('Expired rows could not be removed', error);
    }
  }
}
