import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MemoryDatabase } from '../support/memory-database.js';
import {
  endedValues,
  newSession,
  SessionRepository,
} from '../../src/sessions/session.repository.js';
import { Session } from '../../src/sessions/session.entity.js';

const NOW = 1_700_000_000_000;
const LATER = NOW + 60_000;

describe('SessionRepository', () => {
  let database: MemoryDatabase;
  let sessions: SessionRepository;

  beforeEach(async () => {
    jest.useFakeTimers({ now: NOW, doNotFake: ['nextTick', 'setImmediate', 'setTimeout'] });
    database = new MemoryDatabase([Session]);
    sessions = new SessionRepository(database);
    await database.open();
    await store('active', {});
    await store('other', { subject: 'luke' });
    await store('ended', { endedAt: NOW - 1 });
    await store('expired', { expiresAt: NOW });
  });
  afterEach(async () => {
    jest.useRealTimers();
    await database.close();
  });

  const store = (id: string, values: Partial<Session>) => {
    const fields = { subject: 'leia', createdAt: NOW - 50, expiresAt: NOW + 1 };
    const session = newSession({ ...fields, agent: 'Firefox', ip: '192.0.2.7' });
    return sessions.open({ ...session, id, ...values });
  };
  const read = (id: string) => database.manager.findOneByOrFail(Session, { id });
  /** The ids of the sessions that ended at `NOW`. */
  const endedNow = async () =>
    (await database.manager.findBy(Session, { endedAt: NOW })).map(({ id }) => id).sort();
  /** The ids of sessions that are not active or do not exist. */
  const inactive = ['ended', 'expired', 'missing'];
  const successor = { successor: 's', rotatedByRange: 'r', rotatedByAgent: 'a', repeatedBy: ['d'] };
  const noSuccessor = {
    successor: null,
    rotatedByRange: null,
    rotatedByAgent: null,
    repeatedBy: null,
  };

  it('creates an unused session without a token, with a new id', () => {
    const values = { subject: 'leia', createdAt: 5, expiresAt: 9, agent: 'a', ip: 'i' };
    const session = newSession(values);
    expect(session).toEqual({
      ...values,
      ...noSuccessor,
      id: expect.stringMatching(/^[\da-f-]{36}$/),
      lastUsedAt: 5,
      endedAt: null,
      currentToken: null,
      rotatedToken: null,
      rotatedAt: null,
      repeats: 0,
      repeatedElsewhere: false,
      passwordAttempts: 0,
    });
    expect(newSession(values).id).not.toBe(session.id);
  });

  it('stores a session as it was opened', async () => {
    const values = { subject: 'leia', createdAt: 5, expiresAt: 9, agent: 'a', ip: 'i' };
    const session = newSession(values);
    await sessions.open(session);
    expect(await read(session.id)).toEqual(session);
  });

  it('clears the successor of a session that ends', () => {
    expect(endedValues()).toEqual({ endedAt: NOW, ...noSuccessor });
  });

  it('finds an active session by its id', async () => {
    expect(await sessions.findActive('active')).toEqual(await read('active'));
    for (const id of inactive) expect(await sessions.findActive(id)).toBeUndefined();
  });

  it('finds an active session only for its own subject', async () => {
    expect(await sessions.hasActive('leia', 'active')).toBe(true);
    expect(await sessions.hasActive('luke', 'active')).toBe(false);
    for (const id of inactive) expect(await sessions.hasActive('leia', id)).toBe(false);
  });

  it('searches for other active sessions of the subject', async () => {
    expect(await sessions.hasOthers('leia', 'active')).toBe(false);
    expect(await sessions.hasOthers('leia', null)).toBe(true);
    expect(await sessions.hasOthers('unknown', null)).toBe(false);
    await store('second', {});
    expect(await sessions.hasOthers('leia', 'active')).toBe(true);
    const { query } = database.selects.find(({ parameters }) => parameters.includes('except'))!;
    const { limit, selects } = query(database.manager).expressionMap;
    expect([limit, selects.map(({ selection }) => selection)]).toEqual([1, ['session.id']]);
  });

  it('locks an active session by an update of its row, and returns it', async () => {
    const before = database.writes;
    expect(await sessions.lockActive('active')).toEqual(await read('active'));
    expect(database.writes).toBe(before + 1);
    const find = jest.spyOn(sessions, 'findActive');
    for (const id of inactive) expect(await sessions.lockActive(id)).toBeUndefined();
    expect(find).not.toHaveBeenCalled();
  });

  it('lists the active sessions of a subject, the last used first, then by id', async () => {
    await store('b', { lastUsedAt: NOW - 10 });
    await store('c', { lastUsedAt: NOW - 5 });
    await store('a', { lastUsedAt: NOW - 10 });
    await store('d', { lastUsedAt: NOW - 10 });
    const listed = await sessions.listActive('leia');
    expect(listed.map(({ id }) => id)).toEqual(['c', 'a', 'b', 'd', 'active']);
    expect(listed[0]).toEqual(await read('c'));
  });

  it('lists sessions as an expensive read of the caller, up to a thousand', async () => {
    const lists = database.selects.filter(({ expensive }) => expensive);
    expect(lists).toHaveLength(1);
    expect(lists[0]!.query(database.manager).expressionMap.limit).toBe(1000);
    const all = jest.fn<() => Promise<Session[]>>().mockResolvedValue([]);
    jest.spyOn(database, 'select').mockReturnValue({ all } as never);
    const caller = { group: 'user 1' };
    await new SessionRepository(database).listActive('leia', caller);
    expect(all.mock.calls).toEqual([[{ subject: 'leia', now: NOW }, caller]]);
  });

  describe('addressesOf', () => {
    it('returns each known address of the subject once, the last used first', async () => {
      await store('a', { ip: '192.0.2.8', lastUsedAt: NOW });
      await store('b', { ip: null });
      await store('c', { ip: '192.0.2.9', endedAt: NOW, lastUsedAt: NOW - 1 });
      await store('d', { ip: '192.0.2.10', subject: 'luke' });
      expect(await sessions.addressesOf('leia')).toEqual(['192.0.2.8', '192.0.2.9', '192.0.2.7']);
    });

    it('reads at most a thousand sessions, and only their addresses', () => {
      const { query } = database.selects.find(({ parameters }) => parameters.length === 1)!;
      const { limit, selects } = query(database.manager).expressionMap;
      expect(limit).toBe(1000);
      expect(selects.map(({ selection }) => selection)).toEqual(['session.ip']);
    });
  });

  describe('recordUse', () => {
    it('records the use of an active session', async () => {
      expect(await sessions.recordUse('active')).toBe(true);
      expect((await read('active')).lastUsedAt).toBe(NOW);
      for (const id of inactive) expect(await sessions.recordUse(id)).toBe(false);
    });

    it('records the use with the current token, or with any token if none is known', async () => {
      await store('known', { currentToken: 'token' });
      expect(await sessions.recordUse('known')).toBe(true);
      expect(await sessions.recordUse('known', 'token')).toBe(true);
      expect(await sessions.recordUse('known', 'another')).toBe(false);
      expect(await sessions.recordUse('active', 'token')).toBe(true);
      expect((await read('active')).currentToken).toBeNull();
    });
  });

  describe('rotateRefreshToken', () => {
    const rotation = {
      ...{ from: 'one', to: 'two', successor: 'sealed', range: '192.0.2', agent: 'curl' },
      ...{ now: NOW + 7, expiresAt: LATER },
    };

    it('makes the next token the current one, and stores what repeats are compared with', async () => {
      const repeated = { repeats: 3, repeatedElsewhere: true, repeatedBy: ['digest'] };
      await store('known', { currentToken: 'one', ...repeated });
      const before = await read('known');
      expect(await sessions.rotateRefreshToken({ id: 'known', ...rotation })).toBe(true);
      expect(await read('known')).toEqual({
        ...before,
        currentToken: 'two',
        rotatedToken: 'one',
        rotatedAt: NOW + 7,
        successor: 'sealed',
        rotatedByRange: '192.0.2',
        rotatedByAgent: 'curl',
        repeats: 0,
        repeatedElsewhere: false,
        repeatedBy: null,
        lastUsedAt: NOW + 7,
        expiresAt: LATER,
      });
    });

    it('rotates a token once', async () => {
      await store('known', { currentToken: 'one' });
      expect(await sessions.rotateRefreshToken({ id: 'known', ...rotation })).toBe(true);
      expect(await sessions.rotateRefreshToken({ id: 'known', ...rotation })).toBe(false);
    });

    it('accepts any token if none is known, but no token of an inactive session', async () => {
      expect(await sessions.rotateRefreshToken({ id: 'active', ...rotation })).toBe(true);
      for (const id of inactive)
        expect(await sessions.rotateRefreshToken({ id, ...rotation })).toBe(false);
      expect((await read('other')).currentToken).toBeNull();
    });
  });

  it('records a repeat only in an active session', async () => {
    const repeat = { repeats: 2, repeatedElsewhere: true, repeatedBy: ['digest'] };
    await sessions.recordRepeat('active', repeat);
    await sessions.recordRepeat('ended', repeat);
    expect(await read('active')).toMatchObject(repeat);
    expect(await read('other')).toMatchObject({ repeats: 0 });
    expect(await read('ended')).toMatchObject({ repeats: 0 });
  });

  it('counts password attempts up to a limit, until a correct password', async () => {
    const count = (id = 'active') => sessions.countPasswordAttempt(id, 2);
    expect([await count(), await count(), await count()]).toEqual([true, true, false]);
    expect(await read('active')).toMatchObject({ passwordAttempts: 2 });
    expect(await read('other')).toMatchObject({ passwordAttempts: 0 });
    for (const id of inactive) expect(await count(id)).toBe(false);
    await count('other');
    await sessions.resetPasswordAttempts('active');
    expect(await read('active')).toMatchObject({ passwordAttempts: 0 });
    expect(await read('other')).toMatchObject({ passwordAttempts: 1 });
    expect(await count()).toBe(true);
  });

  it('ends an active session once', async () => {
    await store('sealed', successor);
    expect(await sessions.end('sealed')).toBe(true);
    expect(await read('sealed')).toMatchObject({ endedAt: NOW, ...noSuccessor });
    for (const id of [...inactive, 'sealed']) expect(await sessions.end(id)).toBe(false);
    expect(await endedNow()).toEqual(['sealed']);
  });

  it('ends a session by its id only for its own subject', async () => {
    expect(await sessions.endOf('leia', 'other')).toBe(false);
    expect(await endedNow()).toEqual([]);
    await store('sealed', successor);
    expect(await sessions.endOf('leia', 'sealed')).toBe(true);
    expect(await read('sealed')).toMatchObject({ endedAt: NOW, ...noSuccessor });
    expect(await endedNow()).toEqual(['sealed']);
  });

  it('ends all sessions of a subject', async () => {
    await store('sealed', successor);
    expect(await sessions.endAll('leia')).toBe(true);
    expect(await endedNow()).toEqual(['active', 'sealed']);
    expect(await read('sealed')).toMatchObject(noSuccessor);
    expect(await sessions.endAll('leia')).toBe(false);
  });

  it('ends all sessions of a subject except one', async () => {
    await store('second', {});
    expect(await sessions.endAll('leia', 'second')).toBe(true);
    expect(await endedNow()).toEqual(['active']);
    expect(await sessions.endAll('leia', 'second')).toBe(false);
  });

  describe('recordUses', () => {
    it('keeps the latest use', async () => {
      await sessions.recordUses([
        ['active', NOW],
        ['other', NOW - 60],
      ]);
      expect((await read('active')).lastUsedAt).toBe(NOW);
      expect((await read('other')).lastUsedAt).toBe(NOW - 50);
      expect((await read('ended')).lastUsedAt).toBe(NOW - 50);
    });

    it('writes the rows in the order of their ids, in one write, to avoid deadlocks', async () => {
      const query = jest.spyOn(database.manager.dataSource.createQueryRunner(), 'query');
      const write = jest.spyOn(database, 'write');
      const uses = ['c', 'a', 'd', 'b'].map((id) => [id, 1] as const);
      await sessions.recordUses(uses);
      const ids = query.mock.calls.map(([, values]) =>
        (values as string[]).find((value) => /^[a-d]$/.test(value)),
      );
      expect(ids).toEqual(['a', 'b', 'c', 'd']);
      expect(write).toHaveBeenCalledTimes(1);
      // The list of the caller is not sorted.
      expect(uses[0]).toEqual(['c', 1]);
    });
  });
});
