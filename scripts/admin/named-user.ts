import type { AppConfig } from '../../src/config/app-config.js';
import { ApiError, notFound } from '../../src/errors/api-error.js';
import { StartError } from '../../src/errors/start-error.js';
import { escapeText } from '../../src/logging/escape-text.js';
import type { KnownUser } from '../../src/users/user.repository.js';
import { UsersService } from '../../src/users/users.service.js';
import { type Services, withServices } from './services.js';

/**
 * Finds a user by name.
 *
 * @throws ApiError `not_found`
 */
export async function userOf(get: Services, name: string): Promise<KnownUser> {
  const users = get(UsersService);
  const id = await users.idOf(name);
  if (id === null) throw new ApiError(notFound);
  return users.get(id);
}

/** As `withServices`. A missing user is reported by its name. */
export function withUser<T>(
  config: AppConfig,
  name: string,
  work: (get: Services) => Promise<T>,
): Promise<T> {
  return withServices(config, async (get) => {
    try {
      return await work(get);
    } catch (error) {
      if (!(error instanceof ApiError) || error.kind.code !== notFound.code) throw error;
      throw new StartError(`There is no user ${escapeText(name)}.`);
    }
  });
}
