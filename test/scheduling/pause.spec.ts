import { describe, expect, it } from '@jest/globals';
import { pauseSince } from '../../src/scheduling/pause.js';

describe('The pause after a batch', () => {
  it.each([
    ['four times as long as the batch took', 30, 120],
    ['20 ms at least', 0, 20],
  ])('lasts %s', async (_, duration, expected) => {
    const end = performance.now();
    await pauseSince(end - duration);
    // Timers count in whole milliseconds.
    expect(performance.now() - end).toBeGreaterThanOrEqual(expected - 1);
  });

  it('ends at once if it is aborted, before or during it', async () => {
    const abort = new AbortController();
    const begun = performance.now();
    const pauses = [pauseSince(begun - 10 * 60_000, abort.signal)];
    abort.abort();
    pauses.push(pauseSince(begun - 10 * 60_000, abort.signal));
    await Promise.all(pauses);
    expect(performance.now() - begun).toBeLessThan(60_000);
  });
});
