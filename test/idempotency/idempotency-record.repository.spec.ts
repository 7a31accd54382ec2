import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import type { EntityManager } from 'typeorm';
import type { Database } from '../../src/database/database.js';
import type { Select } from '../../src/database/select.js';
import { IdempotencyRecord } from '../../src/idempotency/idempotency-record.entity.js';
import { IdempotencyRecordRepository } from '../../src/idempotency/idempotency-record.repository.js';
import { openSqlite } from '../support/sqlite.js';

const NOW = Date.UTC(2026, 0, 1);
const LUKE = 'user 1';
const claimOf = (id: string, expiresAt = NOW + 1000, caller = LUKE) => ({
  ...{ id, caller, fingerprint: `body of ${id}`, expiresAt },
});
const answer = { body: '{"id":7}', version: 5, location: '/api/crates/7', userId: 1 };
const inProgress = { code: 'idempotency_in_progress' };

describe('IdempotencyRecordRepository', () => {
  let database: Database;
  let drop: () => Promise<void>;
  let records: IdempotencyRecordRepository;
  /** The lock and the row of each read of one row. */
  let reads: [lock: string | undefined, row: unknown][];
  /** The prepared reads of a caller. */
  let selects: Select<IdempotencyRecord, 'caller' | 'now'>[];

  beforeAll(async () => {
    ({ database, drop } = await openSqlite());
    selects = [];
    const watched = Object.create(database) as Database;
    watched.select = (build) => {
      const select = database.select(build);
      const isOfCaller = build.parameters.some((name) => name === 'caller');
      if (isOfCaller) selects.push(select as never);
      const first: typeof select.first = async (given) => {
        const row = await select.first(given);
        reads.push([build.lock, row && { ...row }]);
        return row;
      };
      return { ...select, first };
    };
    records = new IdempotencyRecordRepository(watched);
  });
  afterAll(() => drop());
  beforeEach(async () => {
    jest.spyOn(Date, 'now').mockReturnValue(NOW);
    await database.write((manager) => manager.clear(IdempotencyRecord));
    reads = [];
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const rows = () =>
    database.write((manager) => manager.find(IdempotencyRecord, { order: { id: 'ASC' } }));
  const ids = async () => (await rows()).map(({ id }) => id);
  /** Adds records whose expirations follow one another. The last one that is added expires first. */
  const fill = (count: number, { caller = LUKE, userId = 1, last = NOW + count } = {}) =>
    database.write((manager) =>
      manager.query(
        `INSERT INTO idempotency_records (id, caller, fingerprint, user_id, expires_at)
          WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${count - 1})
          SELECT '${caller} ' || i, '${caller}', '', ${userId}, ${last} - i FROM n`,
      ),
    );

  it('claims a record without an answer, and adds the answer to it and to no other', async () => {
    const empty = { body: null, version: null, location: null, userId: null };
    await records.claim(claimOf('a'));
    await records.claim(claimOf('b'));
    expect({ ...(await records.find('a')) }).toEqual({ ...claimOf('a'), ...empty });
    await records.complete('a', answer);
    expect({ ...(await records.find('a')) }).toEqual({ ...claimOf('a'), ...answer });
    expect({ ...(await records.find('b')) }).toEqual({ ...claimOf('b'), ...empty });
  });

  it('finds a record by its id until it expires', async () => {
    await records.claim(claimOf('a', NOW + 1));
    await records.claim(claimOf('b', NOW));
    expect((await records.find('a'))?.id).toBe('a');
    expect(await records.find('b')).toBeUndefined();
    expect(await records.find('c')).toBeUndefined();
  });

  describe('claim', () => {
    it('refuses an id that is claimed already with 409, and changes nothing', async () => {
      await records.claim(claimOf('a'));
      await records.complete('a', answer);
      await expect(records.claim(claimOf('a'))).rejects.toMatchObject(inProgress);
      expect({ ...(await records.find('a')) }).toEqual({ ...claimOf('a'), ...answer });
    });

    const claimWith = async (error: Error) => {
      const failing = Object.create(database) as Database;
      const queryRunner = { query: () => Promise.reject(error) };
      const manager = await database.write(async (real) =>
        Object.assign(Object.create(real) as EntityManager, { queryRunner }),
      );
      failing.write = (work) => work(manager);
      return new IdempotencyRecordRepository(failing).claim(claimOf('a'));
    };

    it('refuses an id with 409 whose claim by another write has not ended in time', async () => {
      const cause = Object.assign(new Error('lock timeout'), { code: '55P03' });
      await expect(claimWith(cause)).rejects.toMatchObject({ ...inProgress, cause });
    });

    it('does not hide another error of the database', async () => {
      const error = Object.assign(new Error('the disk is broken'), { code: '58030' });
      await expect(claimWith(error)).rejects.toBe(error);
    });
  });

  describe('Removal', () => {
    it('removes one record if it has expired, so that its id can be claimed again', async () => {
      await records.claim(claimOf('a', NOW));
      await records.claim(claimOf('b', NOW));
      await records.claim(claimOf('c', NOW + 1));
      for (const id of ['a', 'c', 'd']) await records.removeExpired(id);
      expect(await ids()).toEqual(['b', 'c']);
      await records.claim(claimOf('a'));
      expect(await ids()).toEqual(['a', 'b', 'c']);
    });

    it('removes all expired records, and reports the progress', async () => {
      await records.claim(claimOf('a', NOW - 1));
      await records.claim(claimOf('b', NOW));
      await records.claim(claimOf('c', NOW + 1));
      const progress: unknown[] = [];
      await records.removeAllExpired(undefined, (each) => progress.push({ ...each }));
      expect(await ids()).toEqual(['c']);
      const table = 'idempotency_records';
      expect(progress).toEqual([
        { table, removed: 0, total: 2 },
        { table, removed: 2, total: 2 },
      ]);
    });

    it('removes no expired record after the signal has aborted', async () => {
      await records.claim(claimOf('a', NOW));
      await records.removeAllExpired(AbortSignal.abort());
      expect(await ids()).toEqual(['a']);
    });

    it('removes the records of a deleted user in batches of 500, and reports whether more may remain', async () => {
      await fill(501, { userId: 1 });
      await fill(1, { userId: 2, caller: 'user 2' });
      expect(await records.removeBatch(1)).toBe(true);
      expect(await rows()).toHaveLength(2);
      expect(await records.removeBatch(1)).toBe(false);
      expect(await ids()).toEqual(['user 2 0']);
    });
  });

  describe('The limit of records', () => {
    it('allows a thousand live records for each caller', async () => {
      await fill(999);
      await fill(1, { caller: 'user 2' });
      await database.write((manager) => manager.insert(IdempotencyRecord, claimOf('old', NOW)));
      await records.claim(claimOf('last'));
      await expect(records.claim(claimOf('more'))).rejects.toMatchObject({
        code: 'too_many_requests',
        reason: 'the caller has too many idempotency keys',
      });
      await records.claim(claimOf('other', NOW + 1000, 'user 2'));
      expect(await rows()).toHaveLength(1003);
    });

    it.each([
      [1, '1'],
      [1000, '1'],
      [1001, '2'],
      [3_600_000, '3600'],
    ])('says when the first record expires that does so in %d ms', async (ms, seconds) => {
      await fill(1000, { last: NOW + ms + 999 });
      await expect(records.claim(claimOf('more'))).rejects.toMatchObject({
        code: 'too_many_requests',
        headers: { 'retry-after': seconds },
      });
    });

    it('reads one record, and locks none, far below the limit', async () => {
      await fill(799);
      await records.claim(claimOf('next'));
      expect(reads).toEqual([[undefined, undefined]]);
    });

    it('locks the record that expires first from 800 records on, before it counts', async () => {
      await fill(800);
      await records.claim(claimOf('next'));
      const row = (index: number) => ({ id: `${LUKE} ${799 - index}`, expiresAt: NOW + 1 + index });
      expect(reads).toEqual([
        [undefined, row(799)],
        ['exclusive', row(0)],
        [undefined, undefined],
      ]);
    });

    it('claims a record if the record that it would lock is removed meanwhile', async () => {
      await fill(1000, { last: NOW + 1000 });
      const emptied = Object.create(database) as Database;
      emptied.select = (build) => {
        const select = database.select(build);
        return build.lock === undefined ? select : { ...select, first: async () => undefined };
      };
      await new IdempotencyRecordRepository(emptied).claim(claimOf('next'));
      expect(await ids()).toContain('next');
    });

    it('reads one record in the order of expiration for each of its questions', async () => {
      await fill(1001);
      const found = [];
      for (const select of selects) {
        expect(select.sql()).toMatch(/ORDER BY "record"\."expires_at" ASC/);
        const all = await select.all({ caller: LUKE, now: NOW });
        found.push(all.map(({ expiresAt }) => expiresAt - NOW));
      }
      expect(found).toEqual([[1], [800], [1000]]);
    });
  });
});
