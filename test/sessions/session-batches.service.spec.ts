import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MemoryDatabase } from '../support/memory-database.js';
import { WRITE_BATCH } from '../../src/database/write-batches.service.js';
import { SessionBatchesService } from '../../src/sessions/session-batches.service.js';
import { newSession } from '../../src/sessions/session.repository.js';
import { Session } from '../../src/sessions/session.entity.js';

const NOW = 1_700_000_000_000;

describe('SessionBatchesService', () => {
  let database: MemoryDatabase;
  let batches: SessionBatchesService;

  beforeEach(async () => {
    jest.useFakeTimers({ now: NOW, doNotFake: ['nextTick', 'setImmediate', 'setTimeout'] });
    database = new MemoryDatabase([Session]);
    batches = new SessionBatchesService(database);
    await database.open();
  });
  afterEach(async () => {
    jest.useRealTimers();
    await database.close();
  });

  const store = async (count: number, values: Partial<Session> = {}) => {
    const fields = { subject: 'leia', createdAt: NOW, expiresAt: NOW + 1, agent: null, ip: null };
    for (let left = count; left > 0; left -= 100) {
      const rows = Array.from({ length: Math.min(left, 100) }, () => newSession(fields));
      await database.manager.insert(
        Session,
        rows.map((row) => ({ ...row, successor: 'sealed', ...values })),
      );
    }
  };
  const countOf = (subject: string) => database.manager.countBy(Session, { subject });

  it('ends only the active sessions of the subject, and not the excepted one', async () => {
    await store(2);
    await store(1, { id: 'own' });
    await store(1, { id: 'other', subject: 'luke' });
    await store(1, { id: 'ended', endedAt: NOW - 1 });
    await store(1, { id: 'expired', expiresAt: NOW });
    expect(await batches.endBatch('leia', 'own')).toBe(2);
    expect(await database.manager.findBy(Session, { endedAt: NOW })).toEqual([
      expect.objectContaining({ subject: 'leia', successor: null }),
      expect.objectContaining({ subject: 'leia', successor: null }),
    ]);
    for (const id of ['own', 'other', 'expired']) {
      expect(await database.manager.findOneBy(Session, { id })).toMatchObject({ endedAt: null });
    }
    expect(await batches.endBatch('leia', null)).toBe(1);
    expect(await batches.endBatch('leia', null)).toBe(0);
  });

  it('ends active sessions of any subject, as many as one write may change', async () => {
    await store(WRITE_BATCH - 1);
    await store(1, { id: 'other', subject: 'luke' });
    await store(1, { id: 'ended', endedAt: NOW - 1 });
    await store(1, { id: 'expired', expiresAt: NOW });
    await store(1);
    expect(await batches.endAnyBatch()).toBe(WRITE_BATCH);
    expect(await batches.endAnyBatch()).toBe(1);
    expect(await batches.endAnyBatch()).toBe(0);
    expect(await database.manager.findOneBy(Session, { id: 'other' })).toMatchObject({
      endedAt: NOW,
      successor: null,
    });
    for (const [id, endedAt] of [
      ['ended', NOW - 1],
      ['expired', null],
    ] as const) {
      expect(await database.manager.findOneBy(Session, { id })).toMatchObject({ endedAt });
    }
  });

  it('ends as many sessions as one write may change', async () => {
    await store(WRITE_BATCH + 1);
    expect(await batches.endBatch('leia', null)).toBe(WRITE_BATCH);
    expect(await batches.endBatch('leia', null)).toBe(1);
  });

  it('reports whether the active sessions exceed one write', async () => {
    await store(WRITE_BATCH);
    await store(1, { subject: 'luke' });
    await store(1, { endedAt: NOW - 1 });
    await store(1, { expiresAt: NOW });
    expect(await batches.exceedBatch('leia')).toBe(false);
    await store(1);
    expect(await batches.exceedBatch('leia')).toBe(true);
  });

  it('reads one id to find out whether there are more sessions', () => {
    const { limit, selects } = database.selects[0]!.query(database.manager).expressionMap;
    expect(limit).toBe(1);
    expect(selects.map(({ selection }) => selection)).toEqual(['session.id']);
  });

  it('removes only the sessions of the subject, active or not', async () => {
    await store(1);
    await store(1, { endedAt: NOW });
    await store(1, { subject: 'luke' });
    expect(await batches.removeBatch('leia')).toBe(false);
    expect(await countOf('leia')).toBe(0);
    expect(await countOf('luke')).toBe(1);
  });

  it('removes as many sessions as one write may change, and reports that more may remain', async () => {
    await store(WRITE_BATCH + 1);
    expect(await batches.removeBatch('leia')).toBe(true);
    expect(await countOf('leia')).toBe(1);
    expect(await batches.removeBatch('leia')).toBe(false);
  });
});
