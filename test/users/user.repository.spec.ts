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
import { openSqlite } from '../support/sqlite.js';
import type { Database } from '../../src/database/database.js';
import { NO_PRECONDITION, type Precondition } from '../../src/database/versions/precondition.js';
import type { Select } from '../../src/database/select.js';
import { firstPage } from '../../src/lists/list-query.js';
import { User } from '../../src/users/user.entity.js';
import { UserRepository, type UserWithHash } from '../../src/users/user.repository.js';

const NOW = Date.UTC(2026, 0, 1);

describe('UserRepository', () => {
  let database: Database;
  let drop: () => Promise<void>;
  let users: UserRepository;
  let leia: UserWithHash;
  let luke: UserWithHash;

  beforeAll(async () => {
    ({ database, drop } = await openSqlite());
    users = new UserRepository(database);
  });
  afterAll(() => drop());
  beforeEach(async () => {
    jest.spyOn(Date, 'now').mockReturnValue(NOW);
    await database.write((manager) => manager.clear(User));
    const added = async (name: string) => {
      const { id } = await users.add({ name, passwordHash: `hash of ${name}` });
      return (await users.findByIdWithHash(id))!;
    };
    [leia, luke] = [await added('leia'), await added('luke')];
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const rows = () =>
    database.write((manager) =>
      manager
        .createQueryBuilder(User, 'user')
        .addSelect(['user.passwordHash', 'user.nameKey'])
        .orderBy('user.id')
        .getMany(),
    );
  const matching = (version: number): Precondition => ({ ...NO_PRECONDITION, matches: [version] });
  const keys = async () => (await rows()).map(({ nameKey }) => nameKey);
  const plain = ({ passwordHash: _, ...user }: UserWithHash) => ({ ...user });

  it('adds an ordinary user with a public id, the time and the key of the name', async () => {
    const given = await users.add({ name: 'Han', passwordHash: 'a hash' });
    const row = (await rows()).at(-1);
    expect({ ...row }).toEqual({
      ...{ id: luke.id + 1, name: 'Han', nameKey: 'han', passwordHash: 'a hash', admin: false },
      ...{
        roleVersion: 0,
        version: expect.any(Number),
        createdAt: NOW,
        publicId: expect.stringMatching(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/),
      },
    });
    expect(given).toMatchObject({ id: luke.id + 1, name: 'Han', admin: false, createdAt: NOW });
    expect(given.publicId).toBe(row?.publicId);
  });

  it('refuses with 400 a name that another user has in another case', async () => {
    await expect(users.add({ name: 'LEIA', passwordHash: '' })).rejects.toMatchObject({
      code: 'name_taken',
    });
    expect(await rows()).toHaveLength(2);
  });

  it('finds a user by id and by name, with the hash only on request', async () => {
    expect({ ...(await users.findById(luke.id)) }).toEqual(plain(luke));
    expect({ ...(await users.findByName('luke')) }).toEqual(plain(luke));
    expect(luke).toMatchObject({ name: 'luke', passwordHash: 'hash of luke' });
    expect(await users.findByNameWithHash('luke')).toEqual(luke);
    expect(luke.passwordHash).toBe('hash of luke');
    expect((luke as User).nameKey).toBeUndefined();
  });

  it('finds no user of another id or name', async () => {
    const unknown = [luke.id + 1, 2 ** 40];
    for (const id of unknown) {
      expect(await users.findById(id)).toBeUndefined();
      expect(await users.findByIdWithHash(id)).toBeUndefined();
    }
    expect(await users.findByName('Luke')).toBeUndefined();
    expect(await users.findByNameWithHash('Luke')).toBeUndefined();
  });

  it('lists users', async () => {
    const page = await users.list(firstPage(10));
    expect(page.rows.map(({ name }) => name)).toEqual(['leia', 'luke']);
  });

  describe('isTaken', () => {
    it('reports a name as taken if a user has it in any case', async () => {
      expect(await users.isTaken('LEIA')).toBe(true);
      expect(await users.isTaken('han')).toBe(false);
    });

    it('does not report a name as taken to the user who has it', async () => {
      expect(await users.isTaken('Leia', leia.id)).toBe(false);
      expect(await users.isTaken('Leia', luke.id)).toBe(true);
    });

    it('reports a name as taken by earlier users whose names differ only in case', async () => {
      const earlier = { ...plain(luke), passwordHash: '', publicId: 'other', id: luke.id + 50 };
      await database.write((manager) =>
        manager.insert(User, { ...earlier, name: 'LUKE', nameKey: 'luke\u000150' }),
      );
      expect(await users.isTaken('luke', luke.id)).toBe(true);
      expect(await users.isTaken('luke', luke.id + 50)).toBe(true);
      await users.remove(luke.id, NO_PRECONDITION);
      expect(await users.isTaken('luke')).toBe(true);
      expect(await users.isTaken('luke', luke.id + 50)).toBe(false);
      expect(await users.isTaken('luk')).toBe(false);
    });

    it('reads at most two users to find out whether a name is taken', async () => {
      await database.write(async (manager) => {
        for (const id of [1, 2, 3].map((n) => luke.id + n)) {
          const earlier = { ...plain(luke), passwordHash: '', publicId: `other ${id}`, id };
          const named = { name: `LUKE ${id}`, nameKey: `luke\u0001${id}` };
          await manager.insert(User, { ...earlier, ...named });
        }
      });
      const select = jest.spyOn(database, 'select');
      const repository = new UserRepository(database);
      const all = select.mock.results.map(({ value }) =>
        jest.spyOn(value as Select<User, never>, 'all'),
      );
      await repository.isTaken('luke');
      const read = all.flatMap(({ mock }) => mock.results.map(({ value }) => value));
      expect(await Promise.all(read)).toEqual([[expect.anything(), expect.anything()]]);
    });
  });

  describe('updateIfUnchanged', () => {
    it('changes a user who is unchanged since the read, and no other', async () => {
      const next = { name: 'Organa', passwordHash: 'new', version: leia.version + 1 };
      expect(await users.updateIfUnchanged(leia, next)).toBe(true);
      expect(await users.findByIdWithHash(leia.id)).toEqual({ ...leia, ...next });
      expect(await users.findByIdWithHash(luke.id)).toEqual(luke);
      expect(await keys()).toEqual(['organa', 'luke']);
    });

    it('changes nothing if the hash, the role version or the id differs', async () => {
      const next = { passwordHash: 'new' };
      expect(await users.updateIfUnchanged({ ...leia, passwordHash: 'other' }, next)).toBe(false);
      expect(await users.updateIfUnchanged({ ...leia, roleVersion: 1 }, next)).toBe(false);
      expect(await users.updateIfUnchanged({ ...leia, id: luke.id }, next)).toBe(false);
      expect((await rows()).map(({ passwordHash }) => passwordHash)).toEqual([
        ...['hash of leia', 'hash of luke'],
      ]);
    });

    it('compares the name only if it sets another one', async () => {
      const renamed = { ...leia, name: 'earlier' };
      expect(await users.updateIfUnchanged(renamed, { name: 'organa' })).toBe(false);
      expect(await users.updateIfUnchanged(renamed, { passwordHash: 'new' })).toBe(true);
      expect(await users.findByIdWithHash(leia.id)).toEqual({ ...leia, passwordHash: 'new' });
    });

    it('keeps the key of a name that stays the same', async () => {
      const nameKey = 'leia\u00017';
      await database.write((manager) => manager.update(User, { id: leia.id }, { nameKey }));
      await users.updateIfUnchanged(leia, { name: 'leia', passwordHash: 'new' });
      await users.updateIfUnchanged({ ...leia, passwordHash: 'new' }, { passwordHash: 'newer' });
      expect(await keys()).toEqual([nameKey, 'luke']);
    });

    it('changes a user only if the precondition is still met by the row', async () => {
      const next = { passwordHash: 'new', version: leia.version + 1 };
      const outdated = matching(leia.version + 1);
      expect(await users.updateIfUnchanged(leia, next, outdated)).toBe(false);
      expect(await users.findByIdWithHash(leia.id)).toEqual(leia);
      expect(await users.updateIfUnchanged(leia, next, matching(leia.version))).toBe(true);
      expect(await users.findByIdWithHash(leia.id)).toEqual({ ...leia, ...next });
    });

    it('refuses the name of another user with 400', async () => {
      await expect(users.updateIfUnchanged(leia, { name: 'LUKE' })).rejects.toMatchObject({
        code: 'name_taken',
      });
    });
  });

  it('locks the row of a user without a change, if the role version is the given one', async () => {
    expect(await users.lockUser(leia.id)).toBe(true);
    expect(await users.lockUser(leia.id, leia.roleVersion)).toBe(true);
    expect(await users.lockUser(leia.id, leia.roleVersion + 1)).toBe(false);
    expect(await users.lockUser(2 ** 53 - 1)).toBe(false);
    expect(await users.findByIdWithHash(leia.id)).toEqual(leia);
  });

  it('removes one user, and reports whether there was one', async () => {
    expect(await users.remove(leia.id, NO_PRECONDITION)).toBe(true);
    expect((await rows()).map(({ id }) => id)).toEqual([luke.id]);
    expect(await users.remove(leia.id, NO_PRECONDITION)).toBe(false);
  });

  it('removes a user only if the precondition is met', async () => {
    expect(await users.remove(leia.id, matching(leia.version + 1))).toBe(false);
    expect(await users.findByIdWithHash(leia.id)).toEqual(leia);
    expect(await users.remove(leia.id, matching(leia.version))).toBe(true);
    expect(await users.findById(leia.id)).toBeUndefined();
  });

  it('gives each new user a version of its own', async () => {
    expect(luke.version).not.toBe(leia.version);
    const han = await users.add({ name: 'han', passwordHash: '' });
    expect((await users.findById(han.id))?.version).toBe(han.version);
  });
});
