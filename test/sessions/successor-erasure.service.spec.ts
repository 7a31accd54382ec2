import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MemoryDatabase } from '../support/memory-database.js';
import { AppConfig } from '../../src/config/app-config.js';
import { newSession } from '../../src/sessions/session.repository.js';
import { Session } from '../../src/sessions/session.entity.js';
import { PeriodicJobsService } from '../../src/scheduling/periodic-jobs.service.js';
import {
  NO_SUCCESSOR,
  SuccessorErasureService,
} from '../../src/sessions/successor-erasure.service.js';

const NOW = 1_700_000_000_000;
const GRACE = 30_000;
const kept = { successor: 's', rotatedByRange: 'r', rotatedByAgent: 'a', repeatedBy: ['d'] };

describe('SuccessorErasureService', () => {
  let database: MemoryDatabase;
  let erasure: SuccessorErasureService;
  let jobs: PeriodicJobsService;

  beforeEach(async () => {
    jest.useFakeTimers({ now: NOW, doNotFake: ['nextTick', 'setImmediate', 'setTimeout'] });
    database = new MemoryDatabase([Session]);
    jobs = new PeriodicJobsService();
    erasure = new SuccessorErasureService(database, AppConfig.from({ REFRESH_GRACE: '30s' }), jobs);
    await database.open();
  });
  afterEach(async () => {
    // Mocks first: a spy on a fake timer, restored after `useRealTimers`, would put the fake back.
    jest.restoreAllMocks();
    jest.useRealTimers();
    await database.close();
  });

  const sessionOf = (id: string, values: Partial<Session>): Session => {
    const fields = { subject: 'leia', createdAt: NOW, expiresAt: NOW + 1, agent: 'x', ip: 'y' };
    return { ...newSession(fields), ...kept, id, ...values };
  };
  const store = (...stored: Session[]) => database.manager.insert(Session, stored);
  const read = (id: string) => database.manager.findOneByOrFail(Session, { id });

  it('erases the successor as soon as the grace period of the rotated token is over', async () => {
    const [over, within] = [{ rotatedAt: NOW - GRACE }, { rotatedAt: NOW - GRACE + 1 }];
    await store(sessionOf('over', over), sessionOf('within', within));
    await erasure.eraseOverdue();
    expect(await read('over')).toEqual(sessionOf('over', { ...over, ...NO_SUCCESSOR }));
    expect(await read('within')).toEqual(sessionOf('within', within));
  });

  it('erases the successor if the token was rotated further ahead than the leeway', async () => {
    const [later, ahead] = [{ rotatedAt: NOW + 5_001 }, { rotatedAt: NOW + 5_000 }];
    await store(sessionOf('later', later), sessionOf('ahead', ahead));
    await erasure.eraseOverdue();
    expect(await read('later')).toEqual(sessionOf('later', { ...later, ...NO_SUCCESSOR }));
    expect(await read('ahead')).toEqual(sessionOf('ahead', ahead));
  });

  it('erases every column that belongs to the successor', () => {
    const nothing = {
      successor: null,
      rotatedByRange: null,
      rotatedByAgent: null,
      repeatedBy: null,
    };
    expect(NO_SUCCESSOR).toEqual(nothing);
  });

  it('writes nothing if there is nothing to erase', async () => {
    await store(sessionOf('none', { ...kept, successor: null, rotatedAt: NOW - GRACE }));
    await erasure.eraseOverdue();
    expect(database.writes).toBe(0);
    expect(await read('none')).toMatchObject({ rotatedByRange: 'r' });
  });

  it('keeps the successor of a session that was rotated again after it was found', async () => {
    await store(sessionOf('moved', { rotatedAt: NOW - GRACE }));
    const write = database.write.bind(database);
    jest.spyOn(database, 'write').mockImplementationOnce(async (work) => {
      await database.manager.update(Session, { id: 'moved' }, { rotatedAt: NOW });
      return write(work);
    });
    await erasure.eraseOverdue();
    expect(await read('moved')).toMatchObject(kept);
  });

  it('erases two hundred successors with each write until none is left', async () => {
    const rotatedAt = NOW - GRACE;
    const sessions = Array.from({ length: 401 }, (_, i) => sessionOf(String(i), { rotatedAt }));
    for (let i = 0; i < sessions.length; i += 100) await store(...sessions.slice(i, i + 100));
    await erasure.eraseOverdue();
    expect(database.writes).toBe(3);
    expect(await database.manager.countBy(Session, { successor: 's' })).toBe(0);
    const { limit, selects } = database.selects[0]!.query(database.manager).expressionMap;
    expect(limit).toBe(200);
    expect(selects.map(({ selection }) => selection)).toEqual(['session.id']);
  });

  it('checks once more after a full batch, and not again', async () => {
    const rotatedAt = NOW - GRACE;
    const sessions = Array.from({ length: 200 }, (_, i) => sessionOf(String(i), { rotatedAt }));
    for (let i = 0; i < sessions.length; i += 100) await store(...sessions.slice(i, i + 100));
    await erasure.eraseOverdue();
    expect(database.writes).toBe(1);
    expect(await database.manager.countBy(Session, { successor: 's' })).toBe(0);
  });

  it('writes nothing while no grace period is over', async () => {
    await store(sessionOf('within', { rotatedAt: NOW - GRACE + 1 }));
    await erasure.eraseOverdue();
    expect(database.writes).toBe(0);
  });

  it('pauses after a full batch, until it is aborted', async () => {
    const rotatedAt = NOW - GRACE;
    const sessions = Array.from({ length: 200 }, (_, i) => sessionOf(String(i), { rotatedAt }));
    for (let i = 0; i < sessions.length; i += 100) await store(...sessions.slice(i, i + 100));
    // The batch appears to take a minute, so that the pause takes four.
    jest.spyOn(performance, 'now').mockReturnValueOnce(0).mockReturnValue(60_000);
    const shutdown = new AbortController();
    let ended = false;
    const run = erasure.eraseOverdue(shutdown.signal).then(() => (ended = true));
    while (database.writes === 0) await turn();
    for (let i = 0; i < 50; i++) await turn();
    expect(ended).toBe(false);
    shutdown.abort();
    await run;
  });

  it('clears the log of the database after an erasure, and retries until it succeeds', async () => {
    const clear = jest.spyOn(database, 'clearLog').mockResolvedValueOnce(false);
    await erasure.eraseOverdue();
    expect(clear).not.toHaveBeenCalled();
    await store(sessionOf('over', { rotatedAt: NOW - GRACE }));
    await erasure.eraseOverdue();
    expect(clear).toHaveBeenCalledTimes(1);
    await erasure.eraseOverdue();
    await erasure.eraseOverdue();
    expect(clear).toHaveBeenCalledTimes(2);
  });

  it('clears the log also if the write of an erasure failed', async () => {
    const clear = jest.spyOn(database, 'clearLog');
    jest.spyOn(database, 'write').mockRejectedValueOnce(new Error('busy'));
    const row = sessionOf('over', { rotatedAt: NOW - GRACE });
    await store(row);
    await expect(erasure.eraseOverdue()).rejects.toThrow('busy');
    await database.manager.delete(Session, { id: row.id });
    await erasure.eraseOverdue();
    expect(clear).toHaveBeenCalledTimes(1);
  });

  it('runs every five seconds', () => {
    const every = jest.spyOn(globalThis, 'setInterval');
    jobs.onApplicationBootstrap();
    expect(every).toHaveBeenCalledWith(expect.any(Function), 5000);
    return jobs.onModuleDestroy();
  });
});
