import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { unavailable } from '../../src/errors/api-error.js';
import { pauseSince } from '../../src/scheduling/pause.js';
import {
  type PeriodicJob,
  PeriodicJobsService,
} from '../../src/scheduling/periodic-jobs.service.js';

describe('PeriodicJobsService', () => {
  let jobs: PeriodicJobsService;
  let lines: string[];

  beforeEach(() => {
    jest.useFakeTimers();
    jobs = new PeriodicJobsService();
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

  const jobOf = (run: PeriodicJob['run'], more: Partial<PeriodicJob> = {}): PeriodicJob => ({
    ...{ name: 'tidy', interval: 1000, run },
    ...more,
  });
  /** A job whose runs end when the test calls `end`. */
  const slowJob = () => {
    const ends: (() => void)[] = [];
    const run = jest.fn(() => new Promise<void>((resolve) => ends.push(resolve)));
    return { run, end: () => ends.shift()!() };
  };
  const settle = () => jest.advanceTimersByTimeAsync(0);

  it('runs each job at the start and then at its own interval', async () => {
    const [often, seldom] = [jest.fn(async () => {}), jest.fn(async () => {})];
    jobs.add(jobOf(often));
    jobs.add(jobOf(seldom, { interval: 3000 }));
    jobs.onApplicationBootstrap();
    await settle();
    expect([often.mock.calls.length, seldom.mock.calls.length]).toEqual([1, 1]);
    await jest.advanceTimersByTimeAsync(3000);
    expect([often.mock.calls.length, seldom.mock.calls.length]).toEqual([4, 2]);
    await jobs.onModuleDestroy();
    await jest.advanceTimersByTimeAsync(9000);
    expect([often.mock.calls.length, seldom.mock.calls.length]).toEqual([4, 2]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('does not run a job twice at once, and queues no runs behind a slow one', async () => {
    const { run, end } = slowJob();
    jobs.add(jobOf(run));
    jobs.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(10_500);
    expect(run).toHaveBeenCalledTimes(1);
    end();
    await jest.advanceTimersByTimeAsync(500);
    expect(run).toHaveBeenCalledTimes(2);
  });

  it('starts a requested run after the current run of the job', async () => {
    const { run, end } = slowJob();
    const runNow = jobs.add(jobOf(run));
    const ended: number[] = [];
    void runNow().then(() => ended.push(1));
    void runNow().then(() => ended.push(2));
    await settle();
    expect([run.mock.calls.length, ended]).toEqual([1, []]);
    end();
    await settle();
    expect([run.mock.calls.length, ended]).toEqual([2, [1]]);
    end();
    await settle();
    expect(ended).toEqual([1, 2]);
  });

  it('aborts the current run at shutdown, and waits for its end', async () => {
    let batches = 0;
    jobs.add(
      jobOf(async (signal) => {
        while (!signal.aborted) {
          batches++;
          // The pause after a batch of ten minutes.
          await pauseSince(performance.now() - 10 * 60_000, signal);
        }
      }),
    );
    jobs.onApplicationBootstrap();
    await settle();
    await jobs.onModuleDestroy();
    expect(batches).toBe(1);
  });

  it('waits at shutdown for a run that ignores the abort signal', async () => {
    const { run, end } = slowJob();
    jobs.add(jobOf(run));
    jobs.onApplicationBootstrap();
    await settle();
    const ended = jest.fn();
    void jobs.onModuleDestroy().then(ended);
    await settle();
    expect(ended).not.toHaveBeenCalled();
    end();
    await settle();
    expect(ended).toHaveBeenCalledTimes(1);
  });

  it('runs a job with runAtShutdown once more at shutdown, with an aborted signal', async () => {
    const run = jest.fn(async (_signal: AbortSignal) => {});
    jobs.add(jobOf(run, { runAtShutdown: true }));
    await jobs.onModuleDestroy();
    expect(run.mock.calls.map(([signal]) => signal.aborted)).toEqual([true]);
  });

  it('logs an outage in one line, once a minute for each job and cause', async () => {
    let error = unavailable(new Error('the disk is full'));
    const runNow = jobs.add(jobOf(() => Promise.reject(error)));
    const other = jobs.add(jobOf(() => Promise.reject(error), { name: 'erase' }));
    for (let i = 0; i < 5; i++) await runNow();
    const full = 'warn The job "tidy" failed and will run again: the disk is full';
    expect(lines).toEqual([full]);
    await other();
    expect(lines).toHaveLength(2);
    error = unavailable(new Error('the server is gone'));
    await runNow();
    expect(lines).toHaveLength(3);
    error = unavailable(new Error('the disk is full'));
    jest.advanceTimersByTime(59_999);
    await runNow();
    expect(lines).toHaveLength(3);
    jest.advanceTimersByTime(1);
    await runNow();
    expect(lines.slice(3)).toEqual([full]);
  });

  it('logs a programming error at the level error, once a minute', async () => {
    const runNow = jobs.add(jobOf(() => Promise.reject(new TypeError('x is undefined'))));
    for (let i = 0; i < 3; i++) await runNow();
    expect(lines).toEqual(['error The job "tidy" failed']);
  });
});
