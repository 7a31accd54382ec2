import type { INestApplicationContext } from '@nestjs/common';
import { Database } from '../../src/database/database.js';
import { ApiError } from '../../src/errors/api-error.js';
import { firstPage } from '../../src/lists/list-query.js';
import { serviceHashQueueKeys } from '../../src/passwords/password-hasher.js';
import { nameTaken } from '../../src/users/user-errors.js';
import { UsersService } from '../../src/users/users.service.js';

/** The users that a new application of the tests has. */
export const testUsers = [
  { id: 1, name: 'user', password: 'password' },
  { id: 2, name: 'guest', password: 'guest' },
] as const;

/** Adds the users of the tests to a database without users. */
export async function addTestUsers(app: INestApplicationContext): Promise<void> {
  const users = app.get(UsersService, { strict: false });
  if ((await users.list(firstPage(1))).rows.length > 0) return;
  const prepared = await Promise.all(
    testUsers.map((user) => users.prepare(user, serviceHashQueueKeys())),
  );
  try {
    await app.get(Database, { strict: false }).write(async () => {
      for (const user of prepared) await users.add(user);
    });
  } catch (error) {
    // Another application that started with the same empty database has added them.
    if (!(error instanceof ApiError && error.kind === nameTaken)) throw error;
  }
}
