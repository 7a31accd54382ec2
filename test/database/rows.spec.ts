import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../../src/database/database.js';
import { Rows, type Values } from '../../src/database/rows.js';
import { AuditEntry } from '../../src/audit/audit-entry.entity.js';
import { openSqlite } from '../support/sqlite.js';

const entry: Values<AuditEntry> = {
  ...{ happenedAt: 1, event: 'login', userId: 7, actorId: null, sessionId: null },
  ...{ ip: null, agent: null, requestId: null },
};

describe('Rows', () => {
  let database: Database;
  let drop: () => Promise<void>;
  let rows: Rows<AuditEntry>;
  let ofUser: Rows<AuditEntry, 'userId'>;

  beforeAll(async () => {
    ({ database, drop } = await openSqlite());
    rows = new Rows(database, AuditEntry);
    ofUser = new Rows(database, AuditEntry, {
      scope: ['userId'],
      condition: ':userId <> 9',
    });
  });
  afterAll(() => drop());

  const plain = (row: AuditEntry | undefined) => row && { ...row };

  it('finds, updates and deletes a row that it has inserted', async () => {
    const { id } = await rows.insert(entry);
    const other = await rows.insert(entry);
    expect(plain(await rows.find(id))).toEqual({ ...entry, id });
    expect(await rows.update(id, { event: 'logout' })).toBe(true);
    expect(await rows.find(id)).toMatchObject({ event: 'logout' });
    expect(await rows.find(other.id)).toMatchObject({ event: 'login' });
    expect([await rows.delete(id), await rows.delete(id)]).toEqual([true, false]);
    expect([await rows.find(id), await rows.update(id, entry)]).toEqual([undefined, false]);
    expect(plain(await rows.find(other.id))).toEqual({ ...entry, id: other.id });
  });

  it('finds no row with an id that is too large for a row', async () => {
    expect(await rows.find(2 ** 40)).toBeUndefined();
    expect(await rows.update(2 ** 40, entry)).toBe(false);
    expect(await rows.delete(2 ** 40)).toBe(false);
  });

  it.each([
    ['another value of the scope', 8, 7],
    ['values that do not meet the condition', 9, 9],
  ])('finds, updates and deletes no row with %s', async (_, userId, stored) => {
    const { id } = await rows.insert({ ...entry, userId: stored });
    expect(await ofUser.find(id, { userId })).toBeUndefined();
    expect(await ofUser.update(id, { event: 'logout' }, { userId })).toBe(false);
    expect(await ofUser.delete(id, { userId })).toBe(false);
    expect(await rows.find(id)).toMatchObject({ event: 'login' });
  });

  it('finds, updates and deletes a row with the values of the scope', async () => {
    const { id } = await ofUser.insert(entry);
    expect(plain(await ofUser.find(id, { userId: 7 }))).toEqual({ ...entry, id });
    expect(await ofUser.update(id, { event: 'logout' }, { userId: 7 })).toBe(true);
    expect(await ofUser.delete(id, { userId: 7 })).toBe(true);
    expect(await rows.find(id)).toBeUndefined();
  });
});
