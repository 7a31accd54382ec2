import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';
import { ApiError } from '../../errors/api-error.js';
import { Database } from '../../database/database.js';
import type { Select } from '../../database/select.js';
import { lastAdministrator } from '../user-errors.js';
import { User } from '../user.entity.js';
import type { Role } from './roles.js';
import { isRole } from './scope.js';
import { UserRole } from './user-role.entity.js';

const ADMIN: Role = 'admin';

/**
 * The roles of users. Every change belongs to a write that has locked the row of the user, so that
 * of two changes the second one sees the first one.
 */
@Injectable()
export class UserRoleRepository {
  private readonly ofUser: Select<UserRole, 'userId'>;
  private readonly administrators: Select<UserRole, 'role'>;

  constructor(private readonly database: Database) {
    this.ofUser = database.select({
      parameters: ['userId'],
      query: (manager) =>
        manager
          .createQueryBuilder(UserRole, 'row')
          .where('row.userId = :userId')
          .orderBy('row.role'),
    });
    this.administrators = database.select({
      parameters: ['role'],
      lock: 'exclusive',
      query: (manager) =>
        manager
          .createQueryBuilder(UserRole, 'row')
          .where('row.role = :role')
          // One order, to avoid deadlocks. Two rows tell whether a user is the only administrator.
          .orderBy('row.userId')
          .limit(2),
    });
  }

  /** The roles of the user that the code declares, sorted by name. */
  async find(userId: number): Promise<Role[]> {
    return (await this.findStored(userId)).filter(isRole);
  }

  /** All stored roles of the user, sorted by name. Another version of the code may declare more. */
  async findStored(userId: number): Promise<string[]> {
    return (await this.ofUser.all({ userId })).map(({ role }) => role);
  }

  /**
   * Replaces the roles of a user whose row is locked, and counts the change in the role version of
   * the user.
   *
   * @throws ApiError `last_administrator`
   */
  async replace(userId: number, roles: readonly Role[]): Promise<void> {
    const stored = await this.findStored(userId);
    const added = roles.filter((role) => !stored.includes(role));
    const removed = stored.filter((role) => !roles.includes(role as Role));
    if (removed.includes(ADMIN)) await this.refuseLastAdministrator(userId);
    await this.database.write(async (manager) => {
      // A row that stays is not touched, because concurrent writes may wait for it.
      await manager.delete(UserRole, { userId, role: In(removed) });
      await manager.insert(
        UserRole,
        added.map((role) => ({ userId, role })),
      );
      await manager.update(
        User,
        { id: userId },
        { admin: roles.includes(ADMIN), roleVersion: () => 'role_version + 1' },
      );
    });
  }

  /**
   * Removes the roles of a user who is deleted, and whose row is locked.
   *
   * @throws ApiError `last_administrator`
   */
  async removeAll(userId: number): Promise<void> {
    if ((await this.findStored(userId)).includes(ADMIN)) await this.refuseLastAdministrator(userId);
    await this.database.write((manager) => manager.delete(UserRole, { userId }));
  }

  /**
   * Locks the rows of two administrators until the write ends, so that concurrent changes cannot
   * remove the last two of them. Call it before an administrator loses the role.
   *
   * @throws ApiError `last_administrator` if the user is the only one
   */
  private async refuseLastAdministrator(userId: number): Promise<void> {
    const rows = await this.administrators.all({ role: ADMIN });
    if (!rows.some((row) => row.userId !== userId)) throw new ApiError(lastAdministrator);
  }
}
