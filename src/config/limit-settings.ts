import { availableParallelism } from 'node:os';
import type { SettingsReader } from './settings-reader.js';

/** Limits on what clients may do, and on the load of the process. */
export interface LimitSettings {
  /** Logins and registrations that an address may try per minute; 0 means no limit. */
  readonly authRateLimit: number;
  /** The Redis server that counts them for all instances; null if each counts for itself. */
  readonly redisUrl: string | null;
  /** Requests that write or hash, per user, session and minute; 0 means no limit. */
  readonly userRateLimit: number;
  /** The maximum number of open connections. */
  readonly maxConnections: number;
  /** The number of processes that serve requests. */
  readonly workers: number;
  /** Threads of libuv's pool, which hash passwords. The setting is Node's own. */
  readonly threadPoolSize: number;
}

/** Each worker takes about 150 MB of memory. */
const MAX_WORKERS = 256;

export function readLimits(read: SettingsReader, production: boolean): LimitSettings {
  const authRateLimit = read.integer('AUTH_RATE_LIMIT', 20, 0, 1_000_000);
  const redisUrl = readRedisUrl(read);
  if (redisUrl !== null && authRateLimit === 0) {
    read.warning('REDIS_URL is not used, because AUTH_RATE_LIMIT is 0.');
  }
  return {
    authRateLimit,
    redisUrl,
    userRateLimit: read.integer('USER_RATE_LIMIT', production ? 600 : 0, 0, 1_000_000),
    maxConnections: read.integer('MAX_CONNECTIONS', 10_000, 1, 1_000_000),
    workers: readWorkers(read),
    threadPoolSize: read.integer('UV_THREADPOOL_SIZE', 4, 1, 1024),
  };
}

function readWorkers(read: SettingsReader): number {
  const cores = availableParallelism();
  const value = read.raw('WORKERS') ?? '1';
  if (value === 'auto') return cores;
  const workers = /^\d+$/.test(value) ? Number(value) : 0;
  if (workers < 1 || workers > MAX_WORKERS) {
    read.problem(`WORKERS is invalid: use auto, or an integer from 1 to ${MAX_WORKERS}.`);
    return 1;
  }
  if (workers > cores) {
    const machine = `this machine has ${cores} ${cores === 1 ? 'core' : 'cores'}`;
    read.warning(`WORKERS is ${workers}, but ${machine}; more workers than cores make it slower.`);
  }
  return workers;
}

function readRedisUrl(read: SettingsReader): string | null {
  const text = read.text('REDIS_URL');
  if (text === undefined) return null;
  // A query would change options of the client.
  if (!/^rediss?:\/\/[^\s/?#]+(\/\d*)?$/i.test(text) || !URL.canParse(text)) {
    // The message does not repeat the value, which may contain a password.
    read.problem(
      'REDIS_URL is invalid: use the address of a server without a query, such as redis://127.0.0.1:6379 or rediss://user:password@redis.example.com:6380/0.',
    );
  }
  return text;
}
