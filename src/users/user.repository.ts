import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { ApiError } from '../common/api-error.js';
import type { Page } from '../common/page.js';
import { Database } from '../database/database.js';
import type { Select } from '../database/select.js';
import { nameTaken } from './user-errors.js';
import { User } from './user.js';

export type NewUser = Pick<User, 'name' | 'passwordHash'>;
export type UserWithHash = User;

@Injectable()
export class UserRepository {
  private readonly page: Select<User, keyof Page>;
  private readonly byId: Select<User, 'id'>;
  private readonly byIdWithHash: Select<User, 'id'>;
  private readonly byNameWithHash: Select<User, 'name'>;

  constructor(private readonly database: Database) {
    this.page = database.select({
      parameters: ['after'],
      limit: 'limit',
      query: (manager) =>
        manager.createQueryBuilder(User, 'user').where('user.id > :after').orderBy('user.id'),
    });
    this.byId = database.select({
      parameters: ['id'],
      query: (manager) => manager.createQueryBuilder(User, 'user').where('user.id = :id'),
    });
    this.byIdWithHash = database.select({
      parameters: ['id'],
      query: (manager) =>
        manager
          .createQueryBuilder(User, 'user')
          .addSelect('user.passwordHash')
          .where('user.id = :id'),
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

  /** One more than the page may hold, where there is one. */
  list({ limit, after }: Page): Promise<User[]> {
    return this.page.all({ after, limit: limit + 1 });
  }

  findById(id: number): Promise<User | undefined> {
    return this.byId.first({ id });
  }

  findByIdWithHash(id: number): Promise<UserWithHash | undefined> {
    return this.byIdWithHash.first({ id });
  }

  /** @param name in Unicode NFC */
  findByNameWithHash(name: string): Promise<UserWithHash | undefined> {
    return this.byNameWithHash.first({ name });
  }

  /** @throws ApiError `name_taken` */
  async add(values: NewUser): Promise<User> {
    const user = { ...values, admin: false, publicId: randomUUID(), createdAt: Date.now() };
    return this.unlessTaken(async () =>
      this.database.write(async (manager) => {
        const { identifiers } = await manager.insert(User, user);
        return { ...user, id: identifiers[0]?.id as number };
      }),
    );
  }

  /**
   * @returns whether the user was there
   * @throws ApiError `name_taken`
   */
  async update(id: number, values: Partial<NewUser>): Promise<boolean> {
    return this.unlessTaken(() =>
      this.database.write(async (manager) => {
        const { affected } = await manager.update(User, { id }, values);
        return affected !== 0;
      }),
    );
  }

  /**
   * Confirms that the user still has the hash that was verified, and puts the new one in its
   * place (or the same, which holds the row until the transaction ends). In one statement, so
   * that no change of the password slips in between.
   */
  async confirmHash(id: number, verified: string, replacement: string): Promise<boolean> {
    return this.database.write(async (manager) => {
      const { affected } = await manager.update(
        User,
        { id, passwordHash: verified },
        { passwordHash: replacement },
      );
      return affected !== 0;
    });
  }

  /** @returns whether the user was there */
  async remove(id: number): Promise<boolean> {
    return this.database.write(async (manager) => {
      const { affected } = await manager.delete(User, { id });
      return affected !== 0;
    });
  }

  /** The database decides, not a look beforehand, which another request could outrun. */
  private async unlessTaken<T>(write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      if (this.database.isUniqueViolation(error)) throw new ApiError(nameTaken, { cause: error });
      throw error;
    }
  }
}
