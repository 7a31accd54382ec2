import { setTimeout as sleep } from 'node:timers/promises';

/**
 * How many times longer than its batch a pause is: batches take at most a fifth of the main thread.
 */
const RATIO = 4;
/** Milliseconds. */
const MIN_PAUSE = 20;

/**
 * Leaves the main thread and the database to requests after a batch of background work.
 *
 * @param startedAt when the batch started; see `performance.now`
 * @param signal ends the pause at once
 */
export async function pauseSince(startedAt: number, signal?: AbortSignal): Promise<void> {
  const duration = Math.max(MIN_PAUSE, RATIO * (performance.now() - startedAt));
  try {
    await sleep(duration, undefined, { signal });
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}
