import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../src/database/database.js';
import type { Role } from '../../../src/users/roles/roles.js';
import { UserRole } from '../../../src/users/roles/user-role.entity.js';
import { UserRoleRepository } from '../../../src/users/roles/user-role.repository.js';
import { User } from '../../../src/users/user.entity.js';
import { UserRepository } from '../../../src/users/user.repository.js';
import { openSqlite } from '../../support/sqlite.js';

describe('UserRoleRepository', () => {
  let database: Database;
  let drop: () => Promise<void>;
  let users: UserRepository;
  let roles: UserRoleRepository;
  let [leia, luke] = [0, 0];
  const last = { code: 'last_administrator' };

  beforeAll(async () => {
    ({ database, drop } = await openSqlite());
    users = new UserRepository(database);
    roles = new UserRoleRepository(database);
  });
  afterAll(() => drop());
  beforeEach(async () => {
    await database.write((manager) => manager.clear(User));
    await database.write((manager) => manager.clear(UserRole));
    [leia, luke] = [await newUser('leia'), await newUser('luke')];
  });

  const newUser = async (name: string) => (await users.add({ name, passwordHash: '' })).id;
  const rows = () => database.write((manager) => manager.find(UserRole));
  const stateOf = async (id: number) => {
    const { admin, roleVersion } = (await users.findById(id))!;
    return { admin, roleVersion };
  };

  it('stores the roles of one user, and counts the change in the role version', async () => {
    await roles.replace(leia, ['admin']);
    expect(await roles.find(leia)).toEqual(['admin']);
    expect(await roles.find(luke)).toEqual([]);
    expect(await stateOf(leia)).toEqual({ admin: true, roleVersion: 1 });
    expect(await stateOf(luke)).toEqual({ admin: false, roleVersion: 0 });
    await roles.replace(luke, ['admin']);
    await roles.replace(leia, []);
    expect(await stateOf(leia)).toEqual({ admin: false, roleVersion: 2 });
    expect((await rows()).map(({ userId }) => userId)).toEqual([luke]);
  });

  it('inserts the roles that are new, and deletes those that are gone', async () => {
    for (const names of [['pilot'], ['pilot', 'scout'], ['scout', 'tailor'], []]) {
      await roles.replace(leia, names as Role[]);
      expect(await roles.findStored(leia)).toEqual(names);
    }
    expect(await stateOf(leia)).toEqual({ admin: false, roleVersion: 4 });
  });

  it('finds only roles that the code declares, and removes the others with the next change', async () => {
    await database.write((manager) => manager.insert(UserRole, { userId: leia, role: 'retired' }));
    expect(await roles.find(leia)).toEqual([]);
    await roles.replace(leia, ['admin']);
    expect((await rows()).map(({ role }) => role)).toEqual(['admin']);
  });

  it('removes all roles of one user', async () => {
    await roles.replace(leia, ['admin']);
    await roles.replace(luke, ['admin']);
    await roles.removeAll(leia);
    expect((await rows()).map(({ userId }) => userId)).toEqual([luke]);
  });

  it('counts only rows of the role admin as administrators', async () => {
    await roles.replace(leia, ['admin']);
    await roles.replace(luke, ['pilot' as Role]);
    await expect(roles.replace(leia, [])).rejects.toMatchObject(last);
  });

  it('refuses a change that would leave no administrator, and changes nothing', async () => {
    await roles.removeAll(leia);
    await roles.replace(leia, ['admin']);
    await expect(roles.removeAll(leia)).rejects.toMatchObject(last);
    await expect(roles.replace(leia, [])).rejects.toMatchObject(last);
    await roles.replace(luke, []);
    await roles.replace(leia, ['admin']);
    expect(await roles.find(leia)).toEqual(['admin']);
    for (const name of ['han', 'chewie']) await roles.replace(await newUser(name), ['admin']);
    await roles.replace(leia, []);
    expect(await roles.find(leia)).toEqual([]);
  });
});
