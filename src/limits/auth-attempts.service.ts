import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppConfig } from '../config/app-config.js';
import { clientNetwork } from '../http/client-address.js';
import { messageOf } from '../errors/error-message.js';
import { SecurityEventsService } from '../logging/security-events.service.js';
import { SharedCounter } from '../workers/shared-counter.js';
import type { SharedLimit } from './shared-limit.js';

const MINUTE = 60_000;
/** The maximum number of addresses that are counted here; they take a few MiB. */
const MAX_COUNTED = 20_000;

/**
 * Counts logins and registrations together, by address (IPv6: by /64). With `REDIS_URL`, all
 * instances count together, and each still counts its own part: a flood that one instance refuses
 * does not reach Redis, and the limit of one instance holds while Redis is gone.
 */
@Injectable()
export class AuthAttemptsService implements OnApplicationShutdown {
  private readonly logger = new Logger(AuthAttemptsService.name);
  private readonly own: SharedCounter;
  private shared: SharedLimit | null = null;

  constructor(
    private readonly config: AppConfig,
    private readonly events: SecurityEventsService,
  ) {
    const max = config.limits.authRateLimit;
    this.own = new SharedCounter('auth attempts', { max, window: MINUTE, maxKeys: MAX_COUNTED });
  }

  /** Whether the instances count together, or would if Redis were connected. */
  get usesRedis(): boolean {
    const { redisUrl, authRateLimit } = this.config.limits;
    return redisUrl !== null && authRateLimit > 0;
  }

  get isShared(): boolean {
    return this.shared?.isConnected ?? false;
  }

  /** Connects to Redis, if it is used. Without a connection the service starts all the same. */
  async share(instance: FastifyInstance): Promise<void> {
    const { redisUrl: url, authRateLimit: max } = this.config.limits;
    if (url === null || !this.usesRedis) return;
    const { SharedLimit } = await import('./shared-limit.js');
    this.shared = new SharedLimit(instance, { url, max, window: MINUTE, keyOf: clientNetwork });
    if (!(await this.shared.connect())) {
      this.logger.warn(
        'Redis cannot be reached. Until it can, AUTH_RATE_LIMIT counts in this process alone.',
      );
    }
  }

  /** @returns 0 if the attempt was counted, else the seconds until it can be counted */
  async take(request: FastifyRequest): Promise<number> {
    if (this.config.limits.authRateLimit === 0) return 0;
    const wait = await this.own.take(clientNetwork(request));
    if (wait > 0 || this.shared === null) return wait;
    try {
      return await this.shared.take(request);
    } catch (error) {
      this.events.warn('limit_not_shared', 'AUTH_RATE_LIMIT', messageOf(error));
      return 0;
    }
  }

  onApplicationShutdown(): void {
    this.shared?.close();
  }
}
