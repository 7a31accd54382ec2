import { type LoginNameSource, LoginNames } from '../../src/auth/login-names.service.js';
import { Database } from '../../src/database/database.js';
import type { Select } from '../../src/database/select.js';
import { ApiError, type ErrorKind, notFound } from '../../src/errors/api-error.js';
import { UserRemovalsService } from '../../src/users/user-removals.service.js';
import { type Caller, UsersService } from '../../src/users/users.service.js';
import { UserEmail } from './user-email.entity.js';

/** An error code of one's own: declare it, throw it, and name it in `@ApiErrors()`. */
export const emailTaken: ErrorKind = {
  status: 409,
  code: 'email_taken',
  message: 'Another user has this e-mail address.',
};

/**
 * Stores an e-mail address for each user, and lets users log in with it. It does not verify that the
 * address belongs to the user, which a real service has to do before it accepts it at a login.
 */
@LoginNames()
export class EmailsService implements LoginNameSource {
  private readonly byEmail: Select<UserEmail, 'email'>;
  private readonly byUser: Select<UserEmail, 'userId'>;

  constructor(
    private readonly database: Database,
    private readonly users: UsersService,
    removals: UserRemovalsService,
  ) {
    removals.register((userId) => this.remove(userId));
    this.byEmail = database.select({
      parameters: ['email'],
      query: (manager) => manager.createQueryBuilder(UserEmail, 'row').where('row.email = :email'),
    });
    this.byUser = database.select({
      parameters: ['userId'],
      query: (manager) =>
        manager.createQueryBuilder(UserEmail, 'row').where('row.userId = :userId'),
    });
  }

  async findUserId(name: string): Promise<number | null> {
    return (await this.byEmail.first({ email: name.toLowerCase() }))?.userId ?? null;
  }

  /** @throws ApiError `not_found` */
  async get(userId: number): Promise<string> {
    const row = await this.byUser.first({ userId });
    if (!row) throw new ApiError(notFound);
    return row.email;
  }

  /** @throws ApiError `email_taken`; TokenError `token_revoked` */
  async replace(userId: number, address: string, caller: Caller): Promise<string> {
    const email = address.toLowerCase();
    const namesake = await this.users.idOf(address);
    if (namesake !== null && namesake !== userId) throw new ApiError(emailTaken);
    return this.database.writeUnique(emailTaken, async (manager) => {
      await this.users.requireActiveSession(caller.token);
      await manager.upsert(UserEmail, { userId, email }, ['userId']);
      return email;
    });
  }

  /** @returns false, because there is at most one row */
  private async remove(userId: number): Promise<boolean> {
    await this.database.write((manager) => manager.delete(UserEmail, { userId }));
    return false;
  }
}
