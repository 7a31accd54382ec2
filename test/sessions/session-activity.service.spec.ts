import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { PeriodicJobsService } from '../../src/scheduling/periodic-jobs.service.js';
import { SessionActivityService } from '../../src/sessions/session-activity.service.js';
import type { SessionRepository } from '../../src/sessions/session.repository.js';

const NOW = 1_700_000_000_000;

describe('The activity of sessions', () => {
  let noteUse: jest.Mock<SessionRepository['recordUses']>;
  let activity: SessionActivityService;
  let jobs: PeriodicJobsService;

  beforeEach(() => {
    jest.useFakeTimers({ now: NOW });
    noteUse = jest.fn<SessionRepository['recordUses']>().mockResolvedValue();
    jobs = new PeriodicJobsService();
    activity = new SessionActivityService({ noteUse } as unknown as SessionRepository, jobs);
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const fill = () => {
    for (let i = 0; i < 10_000; i++) activity.record(String(i));
  };

  it('is written every thirty seconds, with the last use of each session', async () => {
    jobs.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(0);
    activity.record('a');
    jest.setSystemTime(NOW + 7);
    activity.record('b');
    activity.record('a');
    await jest.advanceTimersByTimeAsync(29_999);
    expect(noteUse).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(1);
    const uses = [
      ['a', NOW + 7],
      ['b', NOW + 7],
    ];
    expect(noteUse.mock.calls).toEqual([[uses]]);
    await jest.advanceTimersByTimeAsync(30_000);
    expect(noteUse).toHaveBeenCalledTimes(1);
    await jobs.onModuleDestroy();
  });

  it('is written when the service stops, which ends the rounds', async () => {
    jobs.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(0);
    activity.record('a');
    await jobs.onModuleDestroy();
    expect(noteUse.mock.calls).toEqual([[[['a', NOW]]]]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is known before it is written', async () => {
    activity.record('a');
    expect(activity.unwrittenUses(['b', 'a'])).toEqual([['a', NOW]]);
    await activity.write();
    expect(activity.unwrittenUses(['a'])).toEqual([]);
  });

  it('is written for a hundred sessions at a time', async () => {
    for (let i = 0; i < 201; i++) activity.record(String(i));
    await activity.write();
    expect(noteUse.mock.calls.map(([uses]) => uses.length)).toEqual([100, 100, 1]);
    expect(new Set(noteUse.mock.calls.flatMap(([uses]) => uses.map(([id]) => id))).size).toBe(201);
  });

  it.each([
    [1, 1, true],
    [100, 1, true],
    [101, 1, false],
  ])('of %d sessions takes %d write before a pause, or none', async (count, writes, isDone) => {
    for (let i = 0; i < count; i++) activity.record(String(i));
    let done = false;
    const writing = activity.write().then(() => (done = true));
    for (let i = 0; i < 5; i++) await turn();
    expect([noteUse.mock.calls.length, done]).toEqual([writes, isDone]);
    await writing;
    expect(noteUse).toHaveBeenCalledTimes(Math.ceil(count / 100));
  });

  it('is remembered for ten thousand sessions, and written at once, one time, for the next', async () => {
    fill();
    expect(noteUse).not.toHaveBeenCalled();
    const write = jest.spyOn(activity, 'write');
    activity.record('more');
    activity.record('more');
    await jest.advanceTimersByTimeAsync(0);
    expect(write).toHaveBeenCalledTimes(1);
    expect(activity.unwrittenUses(['more'])).toEqual([]);
    // A shutdown leaves out the pauses between the writes.
    await jobs.onModuleDestroy();
    expect(noteUse).toHaveBeenCalledTimes(100);
    // Once for the session beyond, and once at the shutdown.
    expect(write).toHaveBeenCalledTimes(2);
    write.mockClear();
    fill();
    activity.record('more');
    await jest.advanceTimersByTimeAsync(0);
    expect(write).toHaveBeenCalledTimes(1);
  });

  it('is still noted for a known session when ten thousand are remembered', () => {
    fill();
    jest.setSystemTime(NOW + 7);
    activity.record('5');
    expect(activity.unwrittenUses(['5'])).toEqual([['5', NOW + 7]]);
  });
});
