import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openSqlite } from '../support/sqlite.js';
import type { Database } from '../../src/database/database.js';
import { NO_PRECONDITION } from '../../src/database/versions/precondition.js';
import type { Select } from '../../src/database/select.js';
import { firstPage } from '../../src/lists/list-query.js';
import { parseListQuery, type QueryString } from '../../src/lists/parse-list-query.js';
import { User } from '../../src/users/user.entity.js';
import type { UserRemovalsService } from '../../src/users/user-removals.service.js';
import { bookFields } from '../../src/books/book-fields.js';
import { BookRepository } from '../../src/books/book.repository.js';
import { Book } from '../../src/books/book.entity.js';

const [LUKE, LEIA, GONE] = [1, 2, 3];
const values = (name: string) => ({ name, author: 'Zahn', publisher: 'Bantam', price: 15 });
const everything = firstPage(10);

describe('BookRepository', () => {
  let database: Database;
  let drop: () => Promise<void>;
  let books: BookRepository;
  let removeBatch: (ownerId: number) => Promise<boolean>;
  /** The lock and the row of each read of one row. */
  let reads: [lock: string | undefined, row: unknown][];
  /** The prepared reads of books, by their SQL. */
  let selects: { sql: () => Promise<string>; select: Select<Book, 'ownerId'> }[];
  /** The id of a book of Leia. */
  let heir: number;
  /** The id of the only book of Luke. */
  let dark: number;

  beforeAll(async () => {
    ({ database, drop } = await openSqlite());
    [selects, reads] = [[], []];
    const watched = Object.create(database) as Database;
    watched.select = (build) => {
      const select = database.select(build);
      const sql = () => database.write(async (manager) => build.query(manager).getQuery());
      selects.push({ sql, select: select as never });
      const first: typeof select.first = async (given) => {
        const row = await select.first(given);
        reads.push([build.lock, row && { ...row }]);
        return row;
      };
      return { ...select, first };
    };
    const register: UserRemovalsService['register'] = (remove) => (removeBatch = remove);
    books = new BookRepository(watched, {
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
    await database.write((manager) => manager.clear(Book));
    heir = (await books.insert(LEIA, values('Heir'))).id;
    dark = (await books.insert(LUKE, values('Dark'))).id;
    reads = [];
  });

  const rows = () => database.write((manager) => manager.find(Book, { order: { id: 'ASC' } }));
  const plain = async () => (await rows()).map((book) => ({ ...book }));
  const leftBehind = () =>
    database.write(async (manager) => {
      const { identifiers } = await manager.insert(Book, { ...values('Left'), ownerId: GONE });
      return identifiers[0]!.id as number;
    });
  const fill = (ownerId: number, count: number) =>
    database.write((manager) =>
      manager.query(
        `INSERT INTO books (user_id, name, author, publisher) WITH RECURSIVE n(i) AS
          (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
          SELECT ${ownerId}, 'Volume ' || i, '', '' FROM n`,
      ),
    );
  const missing = { code: 'not_found' };
  const exists = {
    kind: { status: 409, code: 'book_exists', message: 'Book already exists.' },
  };

  it('adds a book for its owner', async () => {
    const book = await books.insert(LEIA, values('Spectre'));
    expect(book).toEqual({
      ...{ ...values('Spectre'), id: dark + 1, ownerId: LEIA, version: expect.any(Number) },
    });
    expect((await plain()).at(-1)).toEqual(book);
  });

  it('adds no book for an owner who does not exist', async () => {
    await expect(books.insert(GONE, values('Heir'))).rejects.toMatchObject({
      code: 'token_revoked',
    });
    expect(await rows()).toHaveLength(2);
  });

  it('refuses a second book of the same name and author with 409, but not for another owner', async () => {
    await expect(books.insert(LEIA, values('Heir'))).rejects.toMatchObject(exists);
    expect(await books.insert(LUKE, values('Heir'))).not.toBeNull();
  });

  it('finds a book only for its owner', async () => {
    expect({ ...(await books.rows.get(LEIA, heir)) }).toEqual({
      ...{ ...values('Heir'), id: heir, ownerId: LEIA, version: expect.any(Number) },
    });
    await expect(books.rows.get(LUKE, heir)).rejects.toMatchObject(missing);
    await expect(books.rows.get(LEIA, dark)).rejects.toMatchObject(missing);
    await expect(books.rows.get(LEIA, 2 ** 40)).rejects.toMatchObject(missing);
  });

  it('lists the books of one owner', async () => {
    const namesOf = async (ownerId: number) =>
      (await books.rows.list(ownerId, everything)).rows.map(({ name }) => name);
    expect([await namesOf(LEIA), await namesOf(LUKE)]).toEqual([['Heir'], ['Dark']]);
  });

  describe('list', () => {
    const add = (name: string, price: number | null) =>
      books.insert(LEIA, { name, author: `${name} A.`, publisher: `${name} Inc.`, price });
    const namesOf = async (parameters: QueryString) => {
      const { rows: found } = await books.rows.list(LEIA, parseListQuery(bookFields, parameters));
      return found.map(({ name }) => name);
    };

    it('filters by each field, with texts in any Unicode form', async () => {
      const id = (await add('Am\u00e9lie', null)).id;
      await add('Yoda', 3);
      const filters: QueryString[] = [
        { id: `${id}` },
        { name: 'Ame\u0301lie' },
        { author: 'Ame\u0301lie A.' },
        { publisher: 'Ame\u0301lie Inc.' },
        { price: 'null' },
      ];
      for (const filter of filters) expect(await namesOf(filter)).toEqual(['Am\u00e9lie']);
      expect(await namesOf({ price: '3' })).toEqual(['Yoda']);
    });

    it('filters by a price that needs more than 32 bits', async () => {
      await add('Yoda', 2 ** 40);
      expect(await namesOf({ price: `${2 ** 40}` })).toEqual(['Yoda']);
    });

    it('sorts by each field, with books without a price first', async () => {
      await add('Yoda', 3);
      await add('Anakin', null);
      expect(await namesOf({ sort: '-id' })).toEqual(['Anakin', 'Yoda', 'Heir']);
      expect(await namesOf({ sort: 'name' })).toEqual(['Anakin', 'Heir', 'Yoda']);
      expect(await namesOf({ sort: 'author' })).toEqual(['Anakin', 'Yoda', 'Heir']);
      expect(await namesOf({ sort: 'publisher' })).toEqual(['Anakin', 'Heir', 'Yoda']);
      expect(await namesOf({ sort: 'price' })).toEqual(['Anakin', 'Yoda', 'Heir']);
    });
  });

  const replace = (ownerId: number, id: number, name: string) =>
    books.replace(ownerId, id, values(name), NO_PRECONDITION);
  const patch = (ownerId: number, id: number, name: string) =>
    books.patch(ownerId, id, { name }, NO_PRECONDITION);
  const remove = (ownerId: number, id: number) => books.rows.delete(ownerId, id, NO_PRECONDITION);

  it('updates a book only for its owner', async () => {
    expect(await replace(LEIA, heir, 'Spectre')).toMatchObject({ id: heir, ...values('Spectre') });
    for (const change of [replace, patch]) {
      await expect(change(LUKE, heir, 'Mine')).rejects.toMatchObject(missing);
      await expect(change(LEIA, dark, 'Mine')).rejects.toMatchObject(missing);
    }
    expect((await rows()).map(({ name }) => name)).toEqual(['Spectre', 'Dark']);
  });

  it('refuses an update to the name and author of another book of the owner with 409', async () => {
    await books.insert(LEIA, values('Spectre'));
    for (const change of [replace, patch]) {
      await expect(change(LEIA, heir, 'Spectre')).rejects.toMatchObject(exists);
    }
  });

  it('removes a book only for its owner', async () => {
    await expect(remove(LUKE, heir)).rejects.toMatchObject(missing);
    await expect(remove(LEIA, dark)).rejects.toMatchObject(missing);
    expect(await rows()).toHaveLength(2);
    await remove(LEIA, heir);
    expect((await rows()).map(({ id }) => id)).toEqual([dark]);
    await expect(remove(LEIA, heir)).rejects.toMatchObject(missing);
  });

  it('shows and changes no book of an owner who was deleted', async () => {
    const left = await leftBehind();
    await expect(books.rows.get(GONE, left)).rejects.toMatchObject(missing);
    expect((await books.rows.list(GONE, everything)).rows).toEqual([]);
    await expect(replace(GONE, left, 'Found')).rejects.toMatchObject(missing);
    await expect(patch(GONE, left, 'Found')).rejects.toMatchObject(missing);
    await expect(remove(GONE, left)).rejects.toMatchObject(missing);
    expect((await plain()).at(-1)).toMatchObject({ id: left, name: 'Left' });
  });

  it('removes the books of a deleted user in batches of 500, and reports whether more may remain', async () => {
    await fill(GONE, 501);
    expect(await removeBatch(GONE)).toBe(true);
    expect(await rows()).toHaveLength(3);
    expect(await removeBatch(GONE)).toBe(false);
    expect((await rows()).map(({ id }) => id)).toEqual([heir, dark]);
  });

  describe('The limit of books', () => {
    it('allows ten thousand books for each owner', async () => {
      await fill(LEIA, 9998);
      await books.insert(LEIA, values('Spectre'));
      await expect(books.insert(LEIA, values('Last'))).rejects.toMatchObject({
        kind: {
          status: 409,
          code: 'limit_reached',
          message: 'A user can have at most 10000 books.',
        },
      });
      expect(await books.insert(LUKE, values('Last'))).not.toBeNull();
      await remove(LEIA, heir);
      expect(await books.insert(LEIA, values('Last'))).not.toBeNull();
    });

    it('locks the row of the owner only against removal, far below the limit', async () => {
      await fill(LEIA, 8998);
      await books.insert(LEIA, values('Spectre'));
      expect(reads).toEqual([
        ['share', { id: LEIA }],
        [undefined, undefined],
      ]);
    });

    it('locks the row of the owner for one write at a time from 9,000 books on', async () => {
      await fill(LUKE, 8999);
      await books.insert(LUKE, values('Spectre'));
      expect(reads).toEqual([
        ['share', { id: LUKE }],
        [undefined, { id: expect.any(Number) }],
        ['exclusive', { id: LUKE }],
        [undefined, undefined],
      ]);
    });

    it('reads one row in the order of the index to find out whether the limit is near', async () => {
      await fill(LEIA, 9001);
      const counting: unknown[] = [];
      for (const { sql, select } of selects) {
        if (!(await sql()).includes('OFFSET')) continue;
        counting.push((await select.all({ ownerId: LEIA })).map((row) => ({ ...row })));
      }
      const ids = (await rows()).filter(({ ownerId }) => ownerId === LEIA).map(({ id }) => id);
      expect(counting).toEqual([[{ id: ids[8999] }], []]);
    });
  });
});
