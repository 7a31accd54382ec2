import { setTimeout as sleep } from 'node:timers/promises';

/** How many times as long as a batch its pause is: batches hold a fifth of the main thread at most. */
const RATIO = 4;
/** Milliseconds. */
const SHORTEST = 20;

/**
 * Leaves the main thread and the database to requests after a batch of background work.
 *
 * @param begun when the batch began; see `performance.now`
 * @param signal ends the pause at once
 */
export async function pauseSince(begun: number, signal?: AbortSignal): Promise<void> {
  const duration = Math.max(SHORTEST, RATIO * (performance.now() - begun));
  try {
    await sleep(duration, undefined, { signal });
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}
