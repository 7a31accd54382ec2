import { WindowCounter, type WindowCounterOptions } from '../scheduling/window-counter.js';
import { type WorkerChannel, workerChannel } from './worker-channel.js';

/**
 * Counts uses by key in fixed windows of time: in this process, or in the primary for all workers.
 */
export class SharedCounter {
  private readonly own: WindowCounter;

  /** @param name tells the counter from others */
  constructor(
    private readonly name: string,
    private readonly options: WindowCounterOptions,
    private readonly channel: Pick<WorkerChannel, 'ask'> | null = workerChannel,
  ) {
    this.own = new WindowCounter(options);
  }

  /** See `WindowCounter.take`. */
  async take(...keys: string[]): Promise<number> {
    const { name, options, channel } = this;
    return channel ? channel.ask('count', { name, options, keys }) : this.own.take(...keys);
  }
}
