import { describe, expect, it } from '@jest/globals';
import { pauseSince } from './pause.js';
import { PeriodicTask } from './periodic-task.js';

describe('A periodic task', () => {
  it('ends the round that is under way at shutdown, without the pauses that it has left', async () => {
    let batches = 0;
    class EndlessTask extends PeriodicTask {
      protected override async work(): Promise<void> {
        while (!this.stopping.aborted) {
          batches++;
          // As after a batch of ten minutes.
          await pauseSince(performance.now() - 10 * 60_000, this.stopping);
        }
      }
    }
    const task = new EndlessTask({ every: 60_000 });
    task.onApplicationBootstrap();
    await new Promise((resolve) => setImmediate(resolve));
    await task.onModuleDestroy();
    expect(batches).toBe(1);
  });
});
