import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiError } from '../src/common/api-error.js';
import { Database } from '../src/database/database.js';
import { Ship } from '../src/ships/ship.js';
import { ship } from './support/client.js';
import { bootApp, type TestApp } from './support/test-app.js';

describe('Heavy reads', () => {
  let app: TestApp;
  let database: Database;

  beforeAll(async () => {
    app = await bootApp();
    database = app.app.get(Database);
  });
  afterAll(() => app.close());

  /** Counts so far before it finds the ship. */
  const counting = (end: number) =>
    database.select<Ship, 'id' | 'end'>({
      parameters: ['end', 'id'],
      expensive: true,
      query: (manager) =>
        manager.createQueryBuilder(Ship, 'ship').where(
          `(WITH RECURSIVE n(i) AS (
              SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < CAST(:end AS integer)
            ) SELECT COUNT(*) FROM n) = ${end} AND ship.id = :id`,
        ),
    });

  it('hold up no other request', async () => {
    let found: Ship | undefined;
    const reading = counting(5_000_000).first({ end: 5_000_000, id: 3 });
    void reading.then((row) => (found = row));
    expect((await app.get('/api/ships/3')).status).toBe(200);
    expect(found).toBeUndefined();
    expect((await reading)?.id).toBe(3);
  });

  it('keep to a line that has an end', async () => {
    const select = counting(1000);
    const results = await Promise.allSettled(
      Array.from({ length: 300 }, () => select.first({ end: 1000, id: 3 })),
    );
    const refused = results.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThan(100);
    for (const result of refused) {
      const reason = (result as PromiseRejectedResult).reason as ApiError;
      expect([reason.kind.status, reason.headers]).toEqual([503, { 'retry-after': '5' }]);
    }
    const found = results.filter(({ status }) => status === 'fulfilled');
    expect(found.length).toBeGreaterThan(50);
  });

  it('see what the write that they are part of has changed, and nobody else does', async () => {
    const select = counting(1);
    const id = await database.write(async (manager) => {
      const values = { ...ship, shipClass: ship.ship_class };
      const added = (await manager.insert(Ship, values)).identifiers[0]!.id as number;
      expect((await select.first({ end: 1, id: added }))?.id).toBe(added);
      return added;
    });
    expect((await select.all({ end: 1, id })).map((row) => row.id)).toEqual([id]);
  });

  it('fail by themselves', async () => {
    const broken = database.select<Ship, never>({
      parameters: [],
      expensive: true,
      query: (manager) => manager.createQueryBuilder(Ship, 'ship').where('no_such_column = 1'),
    });
    await expect(broken.all({} as never)).rejects.toThrow(/no_such_column/);
    expect((await counting(1).first({ end: 1, id: 3 }))?.id).toBe(3);
  });
});
