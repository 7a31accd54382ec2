import { Injectable } from '@nestjs/common';
import { FairQueue } from '../scheduling/fair-queue.js';
import { pauseSince } from '../scheduling/pause.js';

/**
 * Rows that one write changes at most. On SQLite a write holds the main thread: 500 books with their
 * indexes take some 5 ms.
 */
export const WRITE_BATCH = 500;

/** Whose change it is, in the words of `FairQueue`. */
export interface BatchOwner {
  group: string;
  key?: string;
}

/**
 * Makes a change of many rows as many small writes, so that it holds up no other request. One batch
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
   * @throws ApiError 429 or 503 if too many batches are queued; what was written remains
   */
  async run(owner: BatchOwner, write: () => Promise<boolean>): Promise<void> {
    const next = async (): Promise<boolean> => {
      const begun = performance.now();
      const more = await write();
      if (more) await pauseSince(begun);
      return more;
    };
    while (await this.queue.run(owner, next));
  }
}
