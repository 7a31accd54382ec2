import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Redis, type RedisOptions } from 'ioredis';
import { packageInfo } from '../config/package-info.js';

/** Begins the names of the keys in Redis. */
const PREFIX = `${packageInfo.name}:auth-attempts:`;

/**
 * A command fails at once without a connection, and soon if the server does not answer, because a
 * login waits for it. The client connects again in the background, for as long as it takes.
 */
const CLIENT_OPTIONS: RedisOptions = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  connectTimeout: 1000,
  commandTimeout: 250,
  // A server that has accepted a command and answers nothing.
  socketTimeout: 1000,
  // Its timer keeps the process running, even if there is no connection.
  disconnectTimeout: 100,
  retryStrategy: (times) => Math.min(times * 100, 1000),
  // After a failover, the old server may still accept connections.
  reconnectOnError: ({ message }) => message.startsWith('READONLY'),
};

interface SharedLimitOptions {
  url: string;
  /** The maximum number of uses of one key in one window. */
  max: number;
  /** The length of a window in milliseconds. It begins with the first use of its key. */
  window: number;
  keyOf: (request: FastifyRequest) => string;
}

/** Counts requests of all instances in Redis, in fixed windows of time. */
export class SharedLimit {
  private readonly redis: Redis;
  private check: ReturnType<FastifyInstance['createRateLimit']> | undefined;

  constructor(
    private readonly instance: FastifyInstance,
    { url, max, window, keyOf }: SharedLimitOptions,
  ) {
    this.redis = new Redis(url, CLIENT_OPTIONS);
    // Without a listener, ioredis prints each failed attempt to connect.
    this.redis.on('error', () => undefined);
    void instance.register(rateLimit, {
      ...{ global: false, max, timeWindow: window, keyGenerator: keyOf },
      ...{ redis: this.redis, nameSpace: PREFIX },
    });
  }

  get isConnected(): boolean {
    return this.redis.status === 'ready';
  }

  /** @returns whether the server could be reached */
  async connect(): Promise<boolean> {
    return this.redis.connect().then(
      () => true,
      () => false,
    );
  }

  /**
   * @returns 0 if the request was counted, else the seconds until it can be counted
   * @throws Error if Redis does not answer
   */
  async take(request: FastifyRequest): Promise<number> {
    if (!this.isConnected) throw new Error('There is no connection');
    this.check ??= this.instance.createRateLimit();
    const result = await this.check(request);
    if (result.isAllowed || !result.isExceeded) return 0;
    return Math.max(1, result.ttlInSeconds);
  }

  close(): void {
    this.redis.disconnect();
  }
}
