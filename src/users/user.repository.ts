import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { deleteRows, updateRows } from '../database/statements/change-rows.js';
import { insertNumberedRow } from '../database/statements/insert-row.js';
import {
  NO_PRECONDITION,
  onlyIfMet,
  type Precondition,
} from '../database/versions/precondition.js';
import { newVersion } from '../database/versions/row-version.js';
import { THIS_ID } from '../database/rows.js';
import { Database } from '../database/database.js';
import type { Select } from '../database/select.js';
import type { ListQuery } from '../lists/list-query.js';
import { ListReader } from '../lists/list-reader.js';
import type { Page } from '../lists/page.js';
import { nameTaken } from './user-errors.js';
import { userFields } from './user-fields.js';
import { nameKey, nameKeyRange } from './user-name.js';
import { User } from './user.entity.js';

export type NewUser = Pick<User, 'name' | 'passwordHash'>;
/** A user without the columns that a query has to name. */
export type KnownUser = Omit<User, 'passwordHash' | 'nameKey'>;
/** A user with the hash, for code that verifies a password or checks that it is unchanged. */
export type UserWithHash = Omit<User, 'nameKey'>;

@Injectable()
export class UserRepository {
  private readonly lists: ListReader<User>;
  private readonly byId: Select<User, 'id'>;
  private readonly byIdWithHash: Select<User, 'id'>;
  private readonly byName: Select<User, 'name'>;
  private readonly byNameWithHash: Select<User, 'name'>;
  private readonly byKey: Select<User, 'key' | 'from' | 'to'>;

  constructor(private readonly database: Database) {
    this.lists = new ListReader(database, User, userFields);
    this.byId = database.select({
      parameters: ['id'],
      query: (manager) => manager.createQueryBuilder(User, 'user').where(`user.${THIS_ID}`),
    });
    this.byIdWithHash = database.select({
      parameters: ['id'],
      query: (manager) =>
        manager
          .createQueryBuilder(User, 'user')
          .addSelect('user.passwordHash')
          .where(`user.${THIS_ID}`),
    });
    this.byName = database.select({
      parameters: ['name'],
      query: (manager) => manager.createQueryBuilder(User, 'user').where('user.name = :name'),
    });
    this.byNameWithHash = database.select({
      parameters: ['name'],
      query: (manager) =>
        manager
          .createQueryBuilder(User, 'user')
          .addSelect('user.passwordHash')
          .where('user.name = :name'),
    });
    this.byKey = database.select({
      parameters: ['key', 'from', 'to'],
      query: (manager) =>
        manager
          .createQueryBuilder(User, 'user')
          .where('user.nameKey = :key')
          .orWhere('(user.nameKey > :from AND user.nameKey < :to)')
          // Two are enough: at most one of them is the user that does not count.
          .limit(2),
    });
  }

  list(query: ListQuery): Promise<Page<KnownUser>> {
    return this.lists.page(query);
  }

  findById(id: number): Promise<KnownUser | undefined> {
    return this.byId.first({ id });
  }

  findByIdWithHash(id: number): Promise<UserWithHash | undefined> {
    return this.byIdWithHash.first({ id });
  }

  /** @param name in Unicode NFC */
  findByName(name: string): Promise<KnownUser | undefined> {
    return this.byName.first({ name });
  }

  /** @param name in Unicode NFC */
  findByNameWithHash(name: string): Promise<UserWithHash | undefined> {
    return this.byNameWithHash.first({ name });
  }

  /**
   * Whether another user has the name, or one that differs from it only in case. The unique index
   * decides between concurrent requests for one name. It cannot decide about `nameKeyRange`, but no
   * new rows get such keys.
   *
   * @param id of the user whose own name does not count
   */
  async isTaken(name: string, id?: number): Promise<boolean> {
    const users = await this.byKey.all({ key: nameKey(name), ...nameKeyRange(name) });
    return users.some((user) => user.id !== id);
  }

  /** @throws ApiError `name_taken` */
  async add(values: NewUser): Promise<KnownUser> {
    const user = {
      ...{ ...values, admin: false, roleVersion: 0 },
      ...{ publicId: randomUUID(), createdAt: Date.now(), version: newVersion() },
    };
    return this.database.writeUnique(nameTaken, async (manager) => {
      const row = { ...user, nameKey: nameKey(user.name) };
      return { ...user, id: await insertNumberedRow(manager, User, row) };
    });
  }

  /**
   * Changes the user in one statement (compare-and-set), if the hash and the roles are still those
   * that were read. If `values` has a name, the name must be unchanged, too.
   *
   * @param precondition is met by the user that was read; then it must still be met
   * @returns false if the user does not exist or has changed
   * @throws ApiError `name_taken`
   */
  async updateIfUnchanged(
    { id, passwordHash, roleVersion, name }: UserWithHash,
    values: Partial<Pick<User, 'name' | 'passwordHash' | 'version'>>,
    precondition: Precondition = NO_PRECONDITION,
  ): Promise<boolean> {
    const next = values.name;
    const unchanged = ['id = :id', 'password_hash = :passwordHash', 'role_version = :roleVersion'];
    if (next !== undefined) unchanged.push('name = :name');
    const where = { sql: unchanged.join(' AND '), values: { id, passwordHash, roleVersion, name } };
    // An unchanged name keeps its key, which may end with an id if the name is older than the
    // index.
    const key = next !== undefined && next !== name && { nameKey: nameKey(next) };
    return this.database.writeUnique(nameTaken, async (manager) => {
      const changes = { ...values, ...key };
      return (await updateRows(manager, User, changes, onlyIfMet(where, precondition))) > 0;
    });
  }

  /**
   * Locks the user row until the write ends. Call it within a write.
   *
   * @param roleVersion null if the roles do not matter
   * @returns false if the user does not exist or has another role version
   */
  async lockUser(id: number, roleVersion: number | null = null): Promise<boolean> {
    return this.database.write(async (manager) => {
      const update = manager
        .createQueryBuilder()
        .update(User)
        .set({ id: () => 'id' });
      update.where(THIS_ID, { id }).andWhere(roleVersion === null ? {} : { roleVersion });
      return (await update.execute()).affected !== 0;
    });
  }

  /** @returns whether the user existed, and met the precondition */
  async remove(id: number, precondition: Precondition): Promise<boolean> {
    return this.database.write(async (manager) => {
      const where = onlyIfMet({ sql: THIS_ID, values: { id } }, precondition);
      return (await deleteRows(manager, User, where)) > 0;
    });
  }
}
