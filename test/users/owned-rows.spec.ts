import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openSqlite } from '../support/sqlite.js';
import type { Database } from '../../src/database/database.js';
import { firstPage } from '../../src/lists/list-query.js';
import { parseListQuery, type QueryString } from '../../src/lists/parse-list-query.js';
import { User } from '../../src/users/user.entity.js';
import type { UserRemovalsService } from '../../src/users/user-removals.service.js';
import { noteFields } from '../support/fixture/note-fields.js';
import { NoteRepository } from '../support/fixture/note.repository.js';
import { Note } from '../support/fixture/note.entity.js';

const [LUKE, LEIA, GONE] = [1, 2, 3];
const values = (title: string) => ({ title, topic: 'Office', priority: 15 });
const everything = firstPage(10);

describe('OwnedRows', () => {
  let database: Database;
  let drop: () => Promise<void>;
  let notes: NoteRepository;
  let removeBatch: (ownerId: number) => Promise<boolean>;
  /** The lock and the row of each read of one row. */
  let reads: [lock: string | undefined, row: unknown][];
  /** The id of a note of Leia. */
  let heir: number;
  /** The id of the only note of Luke. */
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
    notes = new NoteRepository(watched, {
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
    await database.write((manager) => manager.clear(Note));
    heir = (await notes.insert(LEIA, values('Heir'))).id;
    dark = (await notes.insert(LUKE, values('Dark'))).id;
    reads = [];
  });

  const rows = () => database.write((manager) => manager.find(Note, { order: { id: 'ASC' } }));
  const plain = async () => (await rows()).map((note) => ({ ...note }));
  const leftBehind = () =>
    database.write(async (manager) => {
      const { identifiers } = await manager.insert(Note, { ...values('Left'), ownerId: GONE });
      return identifiers[0]!.id as number;
    });
  const fill = (ownerId: number, count: number) =>
    database.write((manager) =>
      manager.query(
        `INSERT INTO notes (user_id, title, topic) WITH RECURSIVE n(i) AS
          (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
          SELECT ${ownerId}, 'Volume ' || i, '' FROM n`,
      ),
    );
  const exists = {
    kind: { status: 409, code: 'note_exists', message: 'Note already exists.' },
  };

  it('adds a note for its owner', async () => {
    const note = await notes.insert(LEIA, values('Spectre'));
    expect(note).toEqual({ ...values('Spectre'), id: dark + 1, ownerId: LEIA });
    expect((await plain()).at(-1)).toEqual(note);
  });

  it('runs a check before it inserts a row, and inserts none if the check fails', async () => {
    const refused = new Error('refused');
    const check = () => Promise.reject(refused);
    await expect(notes.rows.insert(LEIA, values('Spectre'), check)).rejects.toBe(refused);
    expect(await rows()).toHaveLength(2);
  });

  it('locks the row of the owner against removal while it adds a note', async () => {
    await notes.insert(LEIA, values('Spectre'));
    expect(reads).toEqual([['share', { id: LEIA }]]);
  });

  it('adds no note for an owner who does not exist', async () => {
    await expect(notes.insert(GONE, values('Heir'))).rejects.toMatchObject({
      code: 'token_revoked',
    });
    expect(await rows()).toHaveLength(2);
  });

  it('refuses a second note of the same title and topic with 409, but not for another owner', async () => {
    await expect(notes.insert(LEIA, values('Heir'))).rejects.toMatchObject(exists);
    expect(await notes.insert(LUKE, values('Heir'))).not.toBeNull();
  });

  it('finds a note only for its owner', async () => {
    expect({ ...(await notes.rows.find(LEIA, heir)) }).toEqual({
      ...{ ...values('Heir'), id: heir, ownerId: LEIA },
    });
    expect(await notes.rows.find(LUKE, heir)).toBeUndefined();
    expect(await notes.rows.find(LEIA, dark)).toBeUndefined();
    expect(await notes.rows.find(LEIA, 2 ** 40)).toBeUndefined();
  });

  it('lists the notes of one owner', async () => {
    const titlesOf = async (ownerId: number) =>
      (await notes.rows.list(ownerId, everything)).rows.map(({ title }) => title);
    expect([await titlesOf(LEIA), await titlesOf(LUKE)]).toEqual([['Heir'], ['Dark']]);
  });

  describe('list', () => {
    const add = (title: string, priority: number | null) =>
      notes.insert(LEIA, { title, topic: `${title} A.`, priority });
    const titlesOf = async (parameters: QueryString) => {
      const { rows: found } = await notes.rows.list(LEIA, parseListQuery(noteFields, parameters));
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

    it('sorts by each field, with notes without a priority first', async () => {
      await add('Yoda', 3);
      await add('Anakin', null);
      expect(await titlesOf({ sort: '-id' })).toEqual(['Anakin', 'Yoda', 'Heir']);
      expect(await titlesOf({ sort: 'title' })).toEqual(['Anakin', 'Heir', 'Yoda']);
      expect(await titlesOf({ sort: 'topic' })).toEqual(['Anakin', 'Heir', 'Yoda']);
      expect(await titlesOf({ sort: 'priority' })).toEqual(['Anakin', 'Yoda', 'Heir']);
    });
  });

  it('updates a note only for its owner', async () => {
    expect(await notes.update(LEIA, heir, values('Spectre'))).toBe(true);
    expect(await notes.update(LUKE, heir, values('Mine'))).toBe(false);
    expect(await notes.update(LEIA, dark, values('Mine'))).toBe(false);
    expect((await rows()).map(({ title }) => title)).toEqual(['Spectre', 'Dark']);
  });

  it('refuses an update to the title and topic of another note of the owner with 409', async () => {
    await notes.insert(LEIA, values('Spectre'));
    await expect(notes.update(LEIA, heir, values('Spectre'))).rejects.toMatchObject(exists);
  });

  it('removes a note only for its owner', async () => {
    expect(await notes.rows.delete(LUKE, heir)).toBe(false);
    expect(await notes.rows.delete(LEIA, dark)).toBe(false);
    expect(await rows()).toHaveLength(2);
    expect(await notes.rows.delete(LEIA, heir)).toBe(true);
    expect((await rows()).map(({ id }) => id)).toEqual([dark]);
    expect(await notes.rows.delete(LEIA, heir)).toBe(false);
  });

  it('shows and changes no note of an owner who was deleted', async () => {
    const left = await leftBehind();
    expect(await notes.rows.find(GONE, left)).toBeUndefined();
    expect((await notes.rows.list(GONE, everything)).rows).toEqual([]);
    expect(await notes.update(GONE, left, values('Found'))).toBe(false);
    expect(await notes.rows.delete(GONE, left)).toBe(false);
    expect((await plain()).at(-1)).toMatchObject({ id: left, title: 'Left' });
  });

  it('removes the notes of a deleted user in batches of 500, and reports whether more may remain', async () => {
    await fill(GONE, 501);
    expect(await removeBatch(GONE)).toBe(true);
    expect(await rows()).toHaveLength(3);
    expect(await removeBatch(GONE)).toBe(false);
    expect((await rows()).map(({ id }) => id)).toEqual([heir, dark]);
  });
});
