import type { AppConfig } from '../../../src/config/app-config.js';
import { messageOf } from '../../../src/errors/error-message.js';
import { type Finding, findings } from './finding.js';

/** Whether Redis can be reached, if the instances use it. */
export async function checkRedis({ limits: { redisUrl } }: AppConfig): Promise<Finding[]> {
  if (redisUrl === null) return [];
  const { ok, warning } = findings('redis');
  // The other commands do not need it.
  const { Redis } = await import('ioredis');
  const options = {
    lazyConnect: true,
    connectTimeout: 2000,
    commandTimeout: 2000,
    disconnectTimeout: 100,
  };
  const redis = new Redis(redisUrl, { ...options, retryStrategy: () => null });
  let cause: Error | undefined;
  redis.on('error', (error) => (cause ??= error));
  const { host } = new URL(redisUrl);
  try {
    await redis.connect();
    return [ok(`Redis at ${host} counts AUTH_RATE_LIMIT for all instances.`)];
  } catch (error) {
    const message = messageOf(cause ?? error).replace(/\.$/, '');
    return [
      warning(
        `Redis at ${host} cannot be used (${message}). Until it can, AUTH_RATE_LIMIT counts in each instance.`,
      ),
    ];
  } finally {
    redis.disconnect();
  }
}
