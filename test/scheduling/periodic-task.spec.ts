import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { unavailable } from '../../src/errors/api-error.js';
import { pauseSince } from '../../src/scheduling/pause.js';
import { PeriodicTask } from '../../src/scheduling/periodic-task.js';

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

class FailingTask extends PeriodicTask {
  error: Error = new Error('not set');

  constructor() {
    super({ every: 1_000 });
  }

  protected override work(): Promise<void> {
    return Promise.reject(this.error);
  }
}

describe('A round that fails', () => {
  let task: FailingTask;
  let lines: string[];

  beforeEach(() => {
    jest.useFakeTimers();
    task = new FailingTask();
    lines = [];
    for (const level of ['warn', 'error'] as const) {
      jest.spyOn(Logger.prototype, level).mockImplementation((text: unknown) => {
        lines.push(`${level} ${String(text)}`);
      });
    }
  });
  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  it('is logged once a minute and cause, for an outage in one line', async () => {
    task.error = unavailable(new Error('the disk is full'));
    for (let i = 0; i < 5; i++) await task.run();
    const full = 'warn A round failed, and will be repeated: the disk is full';
    expect(lines).toEqual([full]);
    task.error = unavailable(new Error('the server is gone'));
    await task.run();
    expect(lines).toHaveLength(2);
    task.error = unavailable(new Error('the disk is full'));
    jest.advanceTimersByTime(59_999);
    await task.run();
    expect(lines).toHaveLength(2);
    jest.advanceTimersByTime(1);
    await task.run();
    expect(lines.slice(2)).toEqual([full]);
  });

  it('is logged as an error, once a minute, if it is a fault of the code', async () => {
    task.error = new TypeError('x is undefined');
    for (let i = 0; i < 3; i++) await task.run();
    expect(lines).toEqual(['error A round failed']);
  });
});
