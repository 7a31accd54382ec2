import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openSqlite } from '../support/sqlite.js';
import type { Database } from '../../src/database/database.js';
import { NO_PRECONDITION } from '../../src/database/versions/precondition.js';
import { firstPage } from '../../src/lists/list-query.js';
import { parseListQuery, type QueryString } from '../../src/lists/parse-list-query.js';
import { User } from '../../src/users/user.entity.js';
import type { UserRemovalsService } from '../../src/users/user-removals.service.js';
import { scrollFields } from '../support/fixture/scroll-fields.js';
import { ScrollRepository } from '../support/fixture/scroll.repository.js';
import { Scroll } from '../support/fixture/scroll.entity.js';

const [LUKE, LEIA, GONE] = [1, 2, 3];
const values = (title: string) => ({ title, topic: 'Office', priority: 15 });
const everything = firstPage(10);

describe('OwnedRows', () => {
  let database: Database;
  let drop: () => Promise<void>;
  let scrolls: ScrollRepository;
  let removeBatch: (ownerId: number) => Promise<boolean>;
  /** The lock and the row of each read of one row. */
  let reads: [lock: string | undefined, row: unknown][];
  /** The id of a scroll of Leia. */
  let heir: number;
  /** The id of the only scroll of Luke. */
  let dark: number;

  beforeAll(async () => {
    ({ database, drop } = await openSqlite());
    reads = [];
    const watched = Object.create(database) as Database;
    watched.select = (build) => {
      const select = database.select(build);
      const first: typeof select.first = async (given) => {
        const row = await select.first(given);
        reads.push([build.lock, row && { ...row }]);
        return row;
      };
      return { ...select, first };
    };
    const register: UserRemovalsService['register'] = (remove) => (removeBatch = remove);
    scrolls = new ScrollRepository(watched, {
      register,
    } as Partial<UserRemovalsService> as UserRemovalsService);
    await database.write(async (manager) => {
      for (const [id, name] of [
        [LUKE, 'luke'],
        [LEIA, 'leia'],
      ] as const) {
        const rest = { passwordHash: '', admin: false, publicId: name, createdAt: 0 };
        await manager.insert(User, { id, name, nameKey: name, ...rest });
      }
    });
  });
  afterAll(() => drop());
  beforeEach(async () => {
    await database.write((manager) => manager.clear(Scroll));
    heir = (await scrolls.insert(LEIA, values('Heir'))).id;
    dark = (await scrolls.insert(LUKE, values('Dark'))).id;
    reads = [];
  });

  const rows = () => database.write((manager) => manager.find(Scroll, { order: { id: 'ASC' } }));
  const plain = async () => (await rows()).map((scroll) => ({ ...scroll }));
  const leftBehind = () =>
    database.write(async (manager) => {
      const { identifiers } = await manager.insert(Scroll, { ...values('Left'), ownerId: GONE });
      return identifiers[0]!.id as number;
    });
  const fill = (ownerId: number, count: number) =>
    database.write((manager) =>
      manager.query(
        `INSERT INTO scrolls (user_id, title, topic) WITH RECURSIVE n(i) AS
          (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
          SELECT ${ownerId}, 'Volume ' || i, '' FROM n`,
      ),
    );
  const missing = { code: 'not_found' };
  const exists = {
    kind: { status: 409, code: 'scroll_exists', message: 'Scroll already exists.' },
  };

  it('adds a scroll for its owner', async () => {
    const scroll = await scrolls.insert(LEIA, values('Spectre'));
    expect(scroll).toEqual({
      ...{ ...values('Spectre'), id: dark + 1, ownerId: LEIA, version: expect.any(Number) },
    });
    expect((await plain()).at(-1)).toEqual(scroll);
  });

  it('runs a check before it inserts a row, and inserts none if the check fails', async () => {
    const refused = new Error('refused');
    const check = () => Promise.reject(refused);
    await expect(scrolls.rows.insert(LEIA, values('Spectre'), check)).rejects.toBe(refused);
    expect(await rows()).toHaveLength(2);
  });

  it('locks the row of the owner against removal while it adds a scroll', async () => {
    await scrolls.insert(LEIA, values('Spectre'));
    expect(reads).toEqual([['share', { id: LEIA }]]);
  });

  it('adds no scroll for an owner who does not exist', async () => {
    await expect(scrolls.insert(GONE, values('Heir'))).rejects.toMatchObject({
      code: 'token_revoked',
    });
    expect(await rows()).toHaveLength(2);
  });

  it('refuses a second scroll of the same title and topic with 409, but not for another owner', async () => {
    await expect(scrolls.insert(LEIA, values('Heir'))).rejects.toMatchObject(exists);
    expect(await scrolls.insert(LUKE, values('Heir'))).not.toBeNull();
  });

  it('finds a scroll only for its owner', async () => {
    expect({ ...(await scrolls.rows.get(LEIA, heir)) }).toEqual({
      ...{ ...values('Heir'), id: heir, ownerId: LEIA, version: expect.any(Number) },
    });
    await expect(scrolls.rows.get(LUKE, heir)).rejects.toMatchObject(missing);
    await expect(scrolls.rows.get(LEIA, dark)).rejects.toMatchObject(missing);
    await expect(scrolls.rows.get(LEIA, 2 ** 40)).rejects.toMatchObject(missing);
  });

  it('lists the scrolls of one owner', async () => {
    const titlesOf = async (ownerId: number) =>
      (await scrolls.rows.list(ownerId, everything)).rows.map(({ title }) => title);
    expect([await titlesOf(LEIA), await titlesOf(LUKE)]).toEqual([['Heir'], ['Dark']]);
  });

  describe('list', () => {
    const add = (title: string, priority: number | null) =>
      scrolls.insert(LEIA, { title, topic: `${title} A.`, priority });
    const titlesOf = async (parameters: QueryString) => {
      const { rows: found } = await scrolls.rows.list(
        LEIA,
        parseListQuery(scrollFields, parameters),
      );
      return found.map(({ title }) => title);
    };

    it('filters by each field, with texts in any Unicode form', async () => {
      const id = (await add('Am\u00e9lie', null)).id;
      await add('Yoda', 3);
      const filters: QueryString[] = [
        { id: `${id}` },
        { title: 'Ame\u0301lie' },
        { topic: 'Ame\u0301lie A.' },
        { priority: 'null' },
      ];
      for (const filter of filters) expect(await titlesOf(filter)).toEqual(['Am\u00e9lie']);
      expect(await titlesOf({ priority: '3' })).toEqual(['Yoda']);
    });

    it('filters by a number that needs more than 32 bits', async () => {
      await add('Yoda', 2 ** 40);
      expect(await titlesOf({ priority: `${2 ** 40}` })).toEqual(['Yoda']);
    });

    it('sorts by each field, with scrolls without a priority first', async () => {
      await add('Yoda', 3);
      await add('Anakin', null);
      expect(await titlesOf({ sort: '-id' })).toEqual(['Anakin', 'Yoda', 'Heir']);
      expect(await titlesOf({ sort: 'title' })).toEqual(['Anakin', 'Heir', 'Yoda']);
      expect(await titlesOf({ sort: 'topic' })).toEqual(['Anakin', 'Heir', 'Yoda']);
      expect(await titlesOf({ sort: 'priority' })).toEqual(['Anakin', 'Yoda', 'Heir']);
    });
  });

  const replace = (ownerId: number, id: number, title: string) =>
    scrolls.replace(ownerId, id, values(title), NO_PRECONDITION);
  const patch = (ownerId: number, id: number, title: string) =>
    scrolls.patch(ownerId, id, { title }, NO_PRECONDITION);
  const remove = (ownerId: number, id: number) => scrolls.rows.delete(ownerId, id, NO_PRECONDITION);

  it('updates a scroll only for its owner', async () => {
    expect(await replace(LEIA, heir, 'Spectre')).toMatchObject({ id: heir, ...values('Spectre') });
    for (const change of [replace, patch]) {
      await expect(change(LUKE, heir, 'Mine')).rejects.toMatchObject(missing);
      await expect(change(LEIA, dark, 'Mine')).rejects.toMatchObject(missing);
    }
    expect((await rows()).map(({ title }) => title)).toEqual(['Spectre', 'Dark']);
  });

  it('refuses an update to the title and topic of another scroll of the owner with 409', async () => {
    await scrolls.insert(LEIA, values('Spectre'));
    for (const change of [replace, patch]) {
      await expect(change(LEIA, heir, 'Spectre')).rejects.toMatchObject(exists);
    }
  });

  it('removes a scroll only for its owner', async () => {
    await expect(remove(LUKE, heir)).rejects.toMatchObject(missing);
    await expect(remove(LEIA, dark)).rejects.toMatchObject(missing);
    expect(await rows()).toHaveLength(2);
    await remove(LEIA, heir);
    expect((await rows()).map(({ id }) => id)).toEqual([dark]);
    await expect(remove(LEIA, heir)).rejects.toMatchObject(missing);
  });

  it('shows and changes no scroll of an owner who was deleted', async () => {
    const left = await leftBehind();
    await expect(scrolls.rows.get(GONE, left)).rejects.toMatchObject(missing);
    expect((await scrolls.rows.list(GONE, everything)).rows).toEqual([]);
    await expect(replace(GONE, left, 'Found')).rejects.toMatchObject(missing);
    await expect(patch(GONE, left, 'Found')).rejects.toMatchObject(missing);
    await expect(remove(GONE, left)).rejects.toMatchObject(missing);
    expect((await plain()).at(-1)).toMatchObject({ id: left, title: 'Left' });
  });

  it('removes the scrolls of a deleted user in batches of 500, and reports whether more may remain', async () => {
    await fill(GONE, 501);
    expect(await removeBatch(GONE)).toBe(true);
    expect(await rows()).toHaveLength(3);
    expect(await removeBatch(GONE)).toBe(false);
    expect((await rows()).map(({ id }) => id)).toEqual([heir, dark]);
  });
});
