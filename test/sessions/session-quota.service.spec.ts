import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MemoryDatabase } from '../support/memory-database.js';
import { AppConfig } from '../../src/config/app-config.js';
import { PeriodicJobsService } from '../../src/scheduling/periodic-jobs.service.js';
import { SessionActivityService } from '../../src/sessions/session-activity.service.js';
import { SessionQuotaService } from '../../src/sessions/session-quota.service.js';
import { newSession, SessionRepository } from '../../src/sessions/session.repository.js';
import { Session } from '../../src/sessions/session.entity.js';

const NOW = 1_700_000_000_000;

describe('SessionQuotaService with MAX_SESSIONS=3', () => {
  let database: MemoryDatabase;
  let sessions: SessionRepository;
  let activity: SessionActivityService;
  let quota: SessionQuotaService;
  let end: jest.SpiedFunction<SessionRepository['end']>;

  beforeEach(async () => {
    jest.useFakeTimers({ now: NOW, doNotFake: ['nextTick', 'setImmediate', 'setTimeout'] });
    database = new MemoryDatabase([Session]);
    sessions = new SessionRepository(database);
    activity = new SessionActivityService(sessions, new PeriodicJobsService());
    quota = new SessionQuotaService(
      database,
      AppConfig.from({ MAX_SESSIONS: '3' }),
      sessions,
      activity,
    );
    end = jest.spyOn(sessions, 'end');
    await database.open();
  });
  afterEach(async () => {
    jest.useRealTimers();
    await database.close();
  });

  const sessionOf = (id: string, values: Partial<Session> = {}): Session => {
    const fields = { subject: 'leia', createdAt: NOW - 1000, expiresAt: NOW + 1 };
    const session = newSession({ ...fields, agent: null, ip: null });
    return { ...session, id, currentToken: 'token', ...values };
  };
  const store = async (...[id, values]: Parameters<typeof sessionOf>) =>
    sessions.open(sessionOf(id, values));
  const makeRoom = (values: Partial<Session> = {}) => quota.endExcess(sessionOf('new', values));

  it('ends no session while there are fewer than three', async () => {
    const list = jest.spyOn(sessions, 'listActive');
    await store('a');
    await store('b');
    expect(await makeRoom()).toEqual([]);
    expect(list).not.toHaveBeenCalled();
  });

  it('ends all sessions except the two that were used last', async () => {
    for (const [i, id] of ['c', 'a', 'd', 'b'].entries()) await store(id, { lastUsedAt: NOW - i });
    expect(await makeRoom()).toEqual(['d', 'b']);
    expect(end.mock.calls).toEqual([['d'], ['b']]);
    expect(await makeRoom()).toEqual([]);
  });

  it('ends the oldest sessions among those with the same last use', async () => {
    const lastUsedAt = NOW - 5;
    await store('a', { createdAt: NOW - 30, lastUsedAt });
    await store('c', { createdAt: NOW - 20, lastUsedAt });
    await store('b', { createdAt: NOW - 20, lastUsedAt });
    await store('d', { createdAt: NOW - 10, lastUsedAt });
    expect(await makeRoom()).toEqual(['c', 'a']);
  });

  it('counts a use that is not written yet', async () => {
    for (const [i, id] of ['a', 'b', 'c'].entries()) await store(id, { lastUsedAt: NOW - 10 - i });
    await store('without', { currentToken: null });
    for (const id of ['c', 'without', 'unknown']) activity.record(id);
    const note = jest.spyOn(sessions, 'recordUses');
    expect(await makeRoom()).toEqual(['b']);
    expect(note.mock.calls.map(([uses]) => uses.map(([id]) => id).sort())).toEqual([
      ['c', 'without'],
    ]);
  });

  it('ends only active sessions of the same user', async () => {
    for (const id of ['a', 'b']) await store(id);
    await store('ended', { endedAt: NOW - 1 });
    await store('expired', { expiresAt: NOW });
    for (const id of ['c', 'd', 'e']) await store(id, { subject: 'luke' });
    expect(await makeRoom()).toEqual([]);
  });

  it('ends only sessions of the same kind: with a refresh token, or without', async () => {
    for (const id of ['a', 'b', 'c']) await store(id);
    expect(await makeRoom({ currentToken: null })).toEqual([]);
    for (const id of ['d', 'e', 'f']) await store(id, { currentToken: null });
    expect(await makeRoom({ currentToken: null })).toEqual(['f']);
    expect(await makeRoom()).toEqual(['c']);
  });

  it('ends at most a hundred sessions, and reads only their ids', () => {
    const surplus = database.selects.filter(({ query }) => {
      const { limit, offset, selects } = query(database.manager).expressionMap;
      expect(offset === undefined || selects[0]!.selection === 'session.id').toBe(true);
      return limit === 100 && offset === 2;
    });
    expect(surplus).toHaveLength(2);
  });
});
