import pLimit, { type LimitFunction } from 'p-limit';
import { unavailable } from './api-error.js';

/**
 * First in, first out, with a fixed number of places at work and a fixed number in line. Who
 * comes when the line is full is told to come back (503 with `Retry-After`), so that neither
 * memory nor waiting times grow without an end.
 */
export class BoundedQueue {
  private readonly limit: LimitFunction;

  /**
   * @param concurrency tasks that run at once
   * @param maxWaiting tasks in line behind them
   * @param retryAfter seconds that a refused caller is told to wait
   */
  constructor(
    concurrency: number,
    private readonly maxWaiting: number,
    private readonly retryAfter: number,
  ) {
    this.limit = pLimit(concurrency);
  }

  /** @throws ApiError 503 where the line is full; else whatever `task` throws. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.limit.pendingCount >= this.maxWaiting) {
      throw unavailable(`${this.maxWaiting} tasks are in line already`, this.retryAfter);
    }
    return this.limit(task);
  }
}
