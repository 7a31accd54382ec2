import { Injectable } from '@nestjs/common';
import { FairQueue } from '../scheduling/fair-queue.js';
import { pauseSince } from '../scheduling/pause.js';

/**
 * The maximum number of rows that one write changes. On SQLite a write blocks the main thread: 500
 * rows with their indexes take about 5 ms.
 */
export const WRITE_BATCH = 500;

/** The owner of a change, as `QueueKeys` of `FairQueue`. */
interface BatchOwner {
  group: string;
  key?: string;
}

/**
 * Splits a change of many rows into small writes, so that it delays no other request. One batch
 * runs at a time, and owners take turns.
 */
@Injectable()
export class WriteBatchesService {
  private readonly queue = new FairQueue({
    concurrency: 1,
    maxQueued: 500,
    maxQueuedPerKey: 4,
    retryAfter: 5,
  });

  /**
   * @param write changes up to `WRITE_BATCH` rows; returns whether there may be more
   * @throws ApiError 429 or 503 if too many batches are queued; batches that were written remain
   */
  async run(owner: BatchOwner, write: () => Promise<boolean>): Promise<void> {
    const next = async (): Promise<boolean> => {
      const startedAt = performance.now();
      const more = await write();
      if (more) await pauseSince(startedAt);
      return more;
    };
    while (await this.queue.run(owner, next));
  }
}
