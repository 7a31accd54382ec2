import { AsyncResource } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Runs the same work for many callers. Each call is answered by a run that starts after the call, so
 * that it sees what was written before. Calls that wait share the next run. One run at a time is
 * active.
 */
export class SharedRuns {
  private next: Promise<void> | undefined;
  private current: Promise<void> = Promise.resolve();
  private startedAt = -Infinity;
  /** Runs in the context of the constructor, because the context of a caller may be a write. */
  private readonly context = new AsyncResource('SharedRuns');

  /** @param interval milliseconds between the starts of two runs, at least */
  constructor(
    private readonly work: () => Promise<void>,
    private readonly interval: number,
  ) {}

  /** @throws the error of the run */
  run(): Promise<void> {
    return (this.next ??= this.context.runInAsyncScope(() => this.runNext()));
  }

  private async runNext(): Promise<void> {
    await this.current;
    const wait = this.startedAt + this.interval - performance.now();
    if (wait > 0) await sleep(wait);
    this.next = undefined;
    this.startedAt = performance.now();
    const run = this.work();
    this.current = run.catch(() => undefined);
    return run;
  }
}
