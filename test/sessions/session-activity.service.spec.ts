import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { PeriodicJobsService } from '../../src/scheduling/periodic-jobs.service.js';
import { SessionActivityService } from '../../src/sessions/session-activity.service.js';
import type { SessionRepository } from '../../src/sessions/session.repository.js';

const NOW = 1_700_000_000_000;

describe('SessionActivityService', () => {
  let recordUses: jest.Mock<SessionRepository['recordUses']>;
  let activity: SessionActivityService;
  let jobs: PeriodicJobsService;

  beforeEach(() => {
    jest.useFakeTimers({ now: NOW });
    recordUses = jest.fn<SessionRepository['recordUses']>().mockResolvedValue();
    jobs = new PeriodicJobsService();
    activity = new SessionActivityService({ recordUses } as unknown as SessionRepository, jobs);
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const fill = () => {
    for (let i = 0; i < 10_000; i++) activity.record(String(i));
  };

  it('writes the last use of each session every thirty seconds', async () => {
    jobs.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(0);
    activity.record('a');
    jest.setSystemTime(NOW + 7);
    activity.record('b');
    activity.record('a');
    await jest.advanceTimersByTimeAsync(29_999);
    expect(recordUses).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(1);
    const uses = [
      ['a', NOW + 7],
      ['b', NOW + 7],
    ];
    expect(recordUses.mock.calls).toEqual([[uses]]);
    await jest.advanceTimersByTimeAsync(30_000);
    expect(recordUses).toHaveBeenCalledTimes(1);
    await jobs.onModuleDestroy();
  });

  it('writes at shutdown, and stops its periodic job', async () => {
    jobs.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(0);
    activity.record('a');
    await jobs.onModuleDestroy();
    expect(recordUses.mock.calls).toEqual([[[['a', NOW]]]]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('returns a use until it is written', async () => {
    activity.record('a');
    expect(activity.unwrittenUses(['b', 'a'])).toEqual([['a', NOW]]);
    await activity.write();
    expect(activity.unwrittenUses(['a'])).toEqual([]);
  });

  it('writes a hundred sessions at a time', async () => {
    for (let i = 0; i < 201; i++) activity.record(String(i));
    await activity.write();
    expect(recordUses.mock.calls.map(([uses]) => uses.length)).toEqual([100, 100, 1]);
    expect(new Set(recordUses.mock.calls.flatMap(([uses]) => uses.map(([id]) => id))).size).toBe(
      201,
    );
  });

  it.each([1, 100])('writes %d sessions in one write, without a pause', async (count) => {
    for (let i = 0; i < count; i++) activity.record(String(i));
    let done = false;
    void activity.write().then(() => (done = true));
    for (let i = 0; i < 5; i++) await turn();
    expect([recordUses.mock.calls.length, done]).toEqual([1, true]);
  });

  it('pauses before the second write if it writes 101 sessions', async () => {
    for (let i = 0; i < 101; i++) activity.record(String(i));
    let done = false;
    const writing = activity.write().then(() => (done = true));
    for (let i = 0; i < 5; i++) await turn();
    expect([recordUses.mock.calls.length, done]).toEqual([1, false]);
    await writing;
    expect(recordUses).toHaveBeenCalledTimes(2);
  });

  it('remembers ten thousand sessions, and writes at once for the next one', async () => {
    fill();
    expect(recordUses).not.toHaveBeenCalled();
    const write = jest.spyOn(activity, 'write');
    activity.record('more');
    activity.record('more');
    await jest.advanceTimersByTimeAsync(0);
    expect(write).toHaveBeenCalledTimes(1);
    expect(activity.unwrittenUses(['more'])).toEqual([]);
    // A shutdown skips the pauses between the writes.
    await jobs.onModuleDestroy();
    expect(recordUses).toHaveBeenCalledTimes(100);
    // Once for the session beyond the limit, and once at the shutdown.
    expect(write).toHaveBeenCalledTimes(2);
    write.mockClear();
    fill();
    activity.record('more');
    await jest.advanceTimersByTimeAsync(0);
    expect(write).toHaveBeenCalledTimes(1);
  });

  it('records the use of a known session when ten thousand are remembered', () => {
    fill();
    jest.setSystemTime(NOW + 7);
    activity.record('5');
    expect(activity.unwrittenUses(['5'])).toEqual([['5', NOW + 7]]);
  });
});
