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

describe('Stored sessions', () => {
  let database: MemoryDatabase;
  let sessions: SessionRepository;

  beforeEach(async () => {
    jest.useFakeTimers({ now: NOW, doNotFake: ['nextTick', 'setImmediate', 'setTimeout'] });
    database = new MemoryDatabase([Session]);
    sessions = new SessionRepository(database);
    await database.open();
    await store('live', {});
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
  /** The sessions that ended at this moment. */
  const endedNow = async () =>
    (await database.manager.findBy(Session, { endedAt: NOW })).map(({ id }) => id).sort();
  /** What is refused for a session that does not live, or that does not exist. */
  const notLive = ['ended', 'expired', 'missing'];
  const successor = { successor: 's', rotatedByRange: 'r', rotatedByAgent: 'a', repeatedBy: ['d'] };
  const noSuccessor = {
    successor: null,
    rotatedByRange: null,
    rotatedByAgent: null,
    repeatedBy: null,
  };

  it('begin unused, with no token, and with an id of their own', () => {
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

  it('are kept as they were opened', async () => {
    const values = { subject: 'leia', createdAt: 5, expiresAt: 9, agent: 'a', ip: 'i' };
    const session = newSession(values);
    await sessions.open(session);
    expect(await read(session.id)).toEqual(session);
  });

  it('keep no successor once they have ended', () => {
    expect(endedValues()).toEqual({ endedAt: NOW, ...noSuccessor });
  });

  it('are found by id while they live', async () => {
    expect(await sessions.findActive('live')).toEqual(await read('live'));
    for (const id of notLive) expect(await sessions.findActive(id)).toBeUndefined();
  });

  it('are known to their own subject alone, while they live', async () => {
    expect(await sessions.hasActive('leia', 'live')).toBe(true);
    expect(await sessions.hasActive('luke', 'live')).toBe(false);
    for (const id of notLive) expect(await sessions.hasActive('leia', id)).toBe(false);
  });

  it('besides one are looked for among those of the subject that live', async () => {
    expect(await sessions.hasOthers('leia', 'live')).toBe(false);
    expect(await sessions.hasOthers('leia', null)).toBe(true);
    expect(await sessions.hasOthers('unknown', null)).toBe(false);
    await store('second', {});
    expect(await sessions.hasOthers('leia', 'live')).toBe(true);
    const { query } = database.selects.find(({ parameters }) => parameters.includes('except'))!;
    const { limit, selects } = query(database.manager).expressionMap;
    expect([limit, selects.map(({ selection }) => selection)]).toEqual([1, ['session.id']]);
  });

  it('are locked by an update of the row, and found then', async () => {
    const before = database.writes;
    expect(await sessions.lockActive('live')).toEqual(await read('live'));
    expect(database.writes).toBe(before + 1);
    const find = jest.spyOn(sessions, 'findActive');
    for (const id of notLive) expect(await sessions.lockActive(id)).toBeUndefined();
    expect(find).not.toHaveBeenCalled();
  });

  it('are listed by subject while they live, the last used first, then by id', async () => {
    await store('b', { lastUsedAt: NOW - 10 });
    await store('c', { lastUsedAt: NOW - 5 });
    await store('a', { lastUsedAt: NOW - 10 });
    await store('d', { lastUsedAt: NOW - 10 });
    const listed = await sessions.listActive('leia');
    expect(listed.map(({ id }) => id)).toEqual(['c', 'a', 'b', 'd', 'live']);
    expect(listed[0]).toEqual(await read('c'));
  });

  it('are listed as an expensive read for the caller, up to a thousand', async () => {
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
    it('gives each known address of the subject once, the last used first', async () => {
      await store('a', { ip: '192.0.2.8', lastUsedAt: NOW });
      await store('b', { ip: null });
      await store('c', { ip: '192.0.2.9', endedAt: NOW, lastUsedAt: NOW - 1 });
      await store('d', { ip: '192.0.2.10', subject: 'luke' });
      expect(await sessions.addressesOf('leia')).toEqual(['192.0.2.8', '192.0.2.9', '192.0.2.7']);
    });

    it('reads at most a thousand sessions, and of them the address alone', () => {
      const { query } = database.selects.find(({ parameters }) => parameters.length === 1)!;
      const { limit, selects } = query(database.manager).expressionMap;
      expect(limit).toBe(1000);
      expect(selects.map(({ selection }) => selection)).toEqual(['session.ip']);
    });
  });

  describe('touch', () => {
    it('notes the use of a live session', async () => {
      expect(await sessions.recordUse('live')).toBe(true);
      expect((await read('live')).lastUsedAt).toBe(NOW);
      for (const id of notLive) expect(await sessions.recordUse(id)).toBe(false);
    });

    it('notes the use with the current token, or with any if none is known', async () => {
      await store('known', { currentToken: 'token' });
      expect(await sessions.recordUse('known')).toBe(true);
      expect(await sessions.recordUse('known', 'token')).toBe(true);
      expect(await sessions.recordUse('known', 'another')).toBe(false);
      expect(await sessions.recordUse('live', 'token')).toBe(true);
      expect((await read('live')).currentToken).toBeNull();
    });
  });

  describe('rotateRefreshToken', () => {
    const step = {
      ...{ from: 'one', to: 'two', successor: 'sealed', range: '192.0.2', agent: 'curl' },
      ...{ now: NOW + 7, expiresAt: LATER },
    };

    it('makes the next token the current one, with what a repeat is compared with', async () => {
      const repeated = { repeats: 3, repeatedElsewhere: true, repeatedBy: ['digest'] };
      await store('known', { currentToken: 'one', ...repeated });
      const before = await read('known');
      expect(await sessions.rotateRefreshToken({ id: 'known', ...step })).toBe(true);
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

    it('happens once for a token', async () => {
      await store('known', { currentToken: 'one' });
      expect(await sessions.rotateRefreshToken({ id: 'known', ...step })).toBe(true);
      expect(await sessions.rotateRefreshToken({ id: 'known', ...step })).toBe(false);
    });

    it('takes any token if none is known, and none of a session that does not live', async () => {
      expect(await sessions.rotateRefreshToken({ id: 'live', ...step })).toBe(true);
      for (const id of notLive)
        expect(await sessions.rotateRefreshToken({ id, ...step })).toBe(false);
      expect((await read('other')).currentToken).toBeNull();
    });
  });

  it('note a repeat while they live', async () => {
    const repeat = { repeats: 2, repeatedElsewhere: true, repeatedBy: ['digest'] };
    await sessions.recordRepeat('live', repeat);
    await sessions.recordRepeat('ended', repeat);
    expect(await read('live')).toMatchObject(repeat);
    expect(await read('other')).toMatchObject({ repeats: 0 });
    expect(await read('ended')).toMatchObject({ repeats: 0 });
  });

  it('count verifications of the password up to a bound, until a right one', async () => {
    const count = (id = 'live') => sessions.countPasswordAttempt(id, 2);
    expect([await count(), await count(), await count()]).toEqual([true, true, false]);
    expect(await read('live')).toMatchObject({ passwordAttempts: 2 });
    expect(await read('other')).toMatchObject({ passwordAttempts: 0 });
    for (const id of notLive) expect(await count(id)).toBe(false);
    await count('other');
    await sessions.resetPasswordAttempts('live');
    expect(await read('live')).toMatchObject({ passwordAttempts: 0 });
    expect(await read('other')).toMatchObject({ passwordAttempts: 1 });
    expect(await count()).toBe(true);
  });

  it('end once, by id', async () => {
    await store('sealed', successor);
    expect(await sessions.end('sealed')).toBe(true);
    expect(await read('sealed')).toMatchObject({ endedAt: NOW, ...noSuccessor });
    for (const id of [...notLive, 'sealed']) expect(await sessions.end(id)).toBe(false);
    expect(await endedNow()).toEqual(['sealed']);
  });

  it('end by id for their own subject alone', async () => {
    expect(await sessions.endOf('leia', 'other')).toBe(false);
    expect(await endedNow()).toEqual([]);
    await store('sealed', successor);
    expect(await sessions.endOf('leia', 'sealed')).toBe(true);
    expect(await read('sealed')).toMatchObject({ endedAt: NOW, ...noSuccessor });
    expect(await endedNow()).toEqual(['sealed']);
  });

  it('end all at once for a subject', async () => {
    await store('sealed', successor);
    expect(await sessions.endAll('leia')).toBe(true);
    expect(await endedNow()).toEqual(['live', 'sealed']);
    expect(await read('sealed')).toMatchObject(noSuccessor);
    expect(await sessions.endAll('leia')).toBe(false);
  });

  it('end all but one for a subject', async () => {
    await store('second', {});
    expect(await sessions.endAll('leia', 'second')).toBe(true);
    expect(await endedNow()).toEqual(['live']);
    expect(await sessions.endAll('leia', 'second')).toBe(false);
  });

  describe('recordUses', () => {
    it('keeps the latest use', async () => {
      await sessions.recordUses([
        ['live', NOW],
        ['other', NOW - 60],
      ]);
      expect((await read('live')).lastUsedAt).toBe(NOW);
      expect((await read('other')).lastUsedAt).toBe(NOW - 50);
      expect((await read('ended')).lastUsedAt).toBe(NOW - 50);
    });

    it('writes to the rows in the order of their ids, in one write, to avoid deadlocks', async () => {
      const rows: string[] = [];
      const execute = () => Promise.resolve();
      const where = (_: string, { id }: { id: string }) => (rows.push(id), { execute });
      const manager = {
        createQueryBuilder: () => ({ update: () => ({ set: () => ({ where }) }) }),
      };
      const write = jest.spyOn(database, 'write');
      write.mockImplementation((work) => work(manager as never));
      const uses = ['c', 'a', 'd', 'b'].map((id) => [id, 1] as const);
      await sessions.recordUses(uses);
      expect(rows).toEqual(['a', 'b', 'c', 'd']);
      expect(write).toHaveBeenCalledTimes(1);
      // The list of the caller stays as it is.
      expect(uses[0]).toEqual(['c', 1]);
    });
  });
});
