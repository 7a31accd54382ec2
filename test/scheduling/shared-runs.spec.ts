import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it, jest } from '@jest/globals';
import { SharedRuns } from '../../src/scheduling/shared-runs.js';

/** Work whose runs end when the test says so. */
function controlledWork() {
  const ends: (() => void)[] = [];
  const work = jest.fn(() => new Promise<void>((resolve) => ends.push(resolve)));
  return { work, ends };
}
const turns = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

describe('SharedRuns', () => {
  it('starts at once, and answers calls of the same turn with one run', async () => {
    const { work, ends } = controlledWork();
    const runs = new SharedRuns(work, 0);
    const calls = [runs.run(), runs.run(), runs.run()];
    await turns();
    expect(work).toHaveBeenCalledTimes(1);
    ends[0]!();
    await Promise.all(calls);
  });

  it('answers calls during a run with the next run, which starts after it', async () => {
    const { work, ends } = controlledWork();
    const runs = new SharedRuns(work, 0);
    const first = runs.run();
    await turns();
    const answered = jest.fn();
    const later = [runs.run().then(answered), runs.run().then(answered)];
    await turns();
    expect(work).toHaveBeenCalledTimes(1);
    ends[0]!();
    await first;
    await turns();
    expect(work).toHaveBeenCalledTimes(2);
    expect(answered).not.toHaveBeenCalled();
    ends[1]!();
    await Promise.all(later);
  });

  it('starts runs at least the interval apart', async () => {
    const starts: number[] = [];
    const runs = new SharedRuns(async () => void starts.push(performance.now()), 40);
    for (let i = 0; i < 3; i++) await runs.run();
    // Timers may be a millisecond early.
    expect(starts[1]! - starts[0]!).toBeGreaterThan(38);
    expect(starts[2]! - starts[1]!).toBeGreaterThan(38);
  });

  it('passes a failure to the calls of the run only', async () => {
    const work = jest.fn<() => Promise<void>>().mockRejectedValueOnce(new Error('failed'));
    work.mockResolvedValue();
    const runs = new SharedRuns(work, 0);
    const failed = [runs.run(), runs.run()];
    for (const call of failed) await expect(call).rejects.toThrow('failed');
    await runs.run();
    expect(work).toHaveBeenCalledTimes(2);
  });

  it('runs outside of the context of its callers', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const runs = new SharedRuns(async () => void seen.push(storage.getStore()), 0);
    await storage.run('a write', () => runs.run());
    expect(seen).toEqual([undefined]);
  });
});
