import { describe, expect, it } from '@jest/globals';
import { pauseSince } from '../../src/scheduling/pause.js';

describe('pauseSince', () => {
  it.each([
    ['four times the duration of the batch', 30, 120],
    ['at least 20 ms', 0, 20],
  ])('pauses after a batch for %s', async (_, duration, expected) => {
    const end = performance.now();
    await pauseSince(end - duration);
    // Timers count in whole milliseconds.
    expect(performance.now() - end).toBeGreaterThanOrEqual(expected - 1);
  });

  it('ends a pause at once if its signal aborts before or during it', async () => {
    const abort = new AbortController();
    const begun = performance.now();
    const pauses = [pauseSince(begun - 10 * 60_000, abort.signal)];
    abort.abort();
    pauses.push(pauseSince(begun - 10 * 60_000, abort.signal));
    await Promise.all(pauses);
    expect(performance.now() - begun).toBeLessThan(60_000);
  });
});
