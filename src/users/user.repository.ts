import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { THIS_ID } from '../common/resource-id.js';
import { Database } from '../database/database.js';
import type { Select } from '../database/select.js';
import type { ListQuery } from '../lists/list-query.js';
import { ListReader, type Page } from '../lists/list-reader.js';
import { nameTaken } from './user-errors.js';
import { userFields } from './user-fields.js';
import { User } from './user.js';

export type NewUser = Pick<User, 'name' | 'passwordHash'>;
/** A user as every query reads one that does not ask for the hash by name. */
export type KnownUser = Omit<User, 'passwordHash'>;

@Injectable()
export class UserRepository {
  private readonly lists: ListReader<User>;
  private readonly byId: Select<User, 'id'>;
  private readonly byIdWithHash: Select<User, 'id'>;
  private readonly byName: Select<User, 'name'>;
  private readonly byNameWithHash: Select<User, 'name'>;

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
  }

  list(query: ListQuery): Promise<Page<KnownUser>> {
    return this.lists.page(query);
  }

  findById(id: number): Promise<KnownUser | undefined> {
    return this.byId.first({ id });
  }

  findByIdWithHash(id: number): Promise<User | undefined> {
    return this.byIdWithHash.first({ id });
  }

  /** @param name in Unicode NFC */
  findByName(name: string): Promise<KnownUser | undefined> {
    return this.byName.first({ name });
  }

  /** @param name in Unicode NFC */
  findByNameWithHash(name: string): Promise<User | undefined> {
    return this.byNameWithHash.first({ name });
  }

  /** @throws ApiError `name_taken` */
  async add(values: NewUser): Promise<KnownUser> {
    const user = { ...values, admin: false, publicId: randomUUID(), createdAt: Date.now() };
    return this.database.writeUnique(nameTaken, async (manager) => {
      const { identifiers } = await manager.insert(User, user);
      return { ...user, id: identifiers[0]?.id as number };
    });
  }

  /**
   * Changes the user, unless the hash or the role are not those that were read any more. One
   * statement, so that no other change of them slips in between.
   *
   * @returns whether the user was there, with that hash and that role
   * @throws ApiError `name_taken`
   */
  async exchange({ id, passwordHash, admin }: User, values: Partial<NewUser>): Promise<boolean> {
    return this.database.writeUnique(nameTaken, async (manager) => {
      const { affected } = await manager.update(User, { id, passwordHash, admin }, values);
      return affected !== 0;
    });
  }

  /** @returns whether that changed anything */
  async setAdmin(id: number, admin: boolean): Promise<boolean> {
    return this.database.write(async (manager) => {
      const { affected } = await manager.update(User, { id, admin: !admin }, { admin });
      return affected !== 0;
    });
  }

  /** Within a write: keeps the user's row from other writes until it ends. */
  async hold(id: number): Promise<void> {
    await this.database.write((manager) => manager.update(User, { id }, { id }));
  }

  /** @returns whether the user was there */
  async remove(id: number): Promise<boolean> {
    return this.database.write(async (manager) => {
      const { affected } = await manager
        .createQueryBuilder()
        .delete()
        .from(User)
        .where(THIS_ID, { id })
        .execute();
      return affected !== 0;
    });
  }
}
