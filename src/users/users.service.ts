import { Injectable } from '@nestjs/common';
import { ApiError, notFound, unavailable } from '../common/api-error.js';
import { nfc } from '../common/values.js';
import { Database } from '../database/database.js';
import type { ListQuery } from '../lists/list-query.js';
import type { Page } from '../lists/list-reader.js';
import { SessionRepository } from '../tokens/session.repository.js';
import { TokenError, tokenRevoked } from '../tokens/token-error.js';
import type { Token } from '../tokens/token.js';
import { PasswordHasher } from './password-hasher.js';
import { type KnownUser, type NewUser, UserRepository } from './user.repository.js';
import { currentPasswordWrong } from './user-errors.js';
import type { User } from './user.js';

interface Credentials {
  name: string;
  password: string;
}

/** How often a change that another request outran is tried again. */
const MAX_ATTEMPTS = 3;

@Injectable()
export class UsersService {
  constructor(
    private readonly users: UserRepository,
    private readonly passwords: PasswordHasher,
    private readonly sessions: SessionRepository,
    private readonly database: Database,
  ) {}

  list(query: ListQuery): Promise<Page<KnownUser>> {
    return this.users.list(query);
  }

  find(id: number): Promise<KnownUser | undefined> {
    return this.users.findById(id);
  }

  /** @throws ApiError `not_found` */
  async get(id: number): Promise<KnownUser> {
    const user = await this.find(id);
    if (!user) throw new ApiError(notFound);
    return user;
  }

  /** @throws ApiError `name_taken` */
  async register(credentials: Credentials): Promise<KnownUser> {
    return this.users.add(await this.prepare(credentials));
  }

  /** What is stored of a user; hashing comes first, so that no write waits for it. */
  async prepare({ name, password }: Credentials): Promise<NewUser> {
    return {
      name: nfc(name),
      passwordHash: await this.passwords.hash(password),
    };
  }

  /** @throws ApiError `name_taken` */
  add(user: NewUser): Promise<KnownUser> {
    return this.users.add(user);
  }

  /**
   * Gives the user a new name and password. Where the password is another than before, every
   * session of the user but the caller's ends.
   *
   * @param caller the token that asks for it; its session must live until it is done
   * @throws ApiError `not_found`, `name_taken`, `token_revoked`
   */
  async replace(id: number, credentials: Credentials, caller: Token): Promise<KnownUser> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const user = await this.users.findByIdWithHash(id);
      if (!user) throw new ApiError(notFound);
      const unchanged = await this.passwords.verify(user.passwordHash, credentials.password);
      const values = unchanged
        ? { name: nfc(credentials.name), passwordHash: user.passwordHash }
        : await this.prepare(credentials);
      if (await this.exchange(user, values, caller)) return { ...user, name: values.name };
    }
    throw unavailable('the password kept changing');
  }

  /**
   * Gives the user a new password, for who knows the present one. Every session of the user but the
   * caller's ends.
   *
   * @param caller as in `replace`
   * @throws ApiError `current_password_wrong`, `token_revoked`
   */
  async changePassword(id: number, current: string, next: string, caller: Token): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const user = await this.users.findByIdWithHash(id);
      if (!user) throw new TokenError(tokenRevoked, 'there is no such user');
      if (!(await this.passwords.verify(user.passwordHash, current))) {
        throw new ApiError(currentPasswordWrong);
      }
      const values = await this.prepare({ name: user.name, password: next });
      if (await this.exchange(user, values, caller)) return;
    }
    throw unavailable('the password kept changing');
  }

  /** @returns false where the password was changed since the user was read */
  private async exchange(user: User, values: NewUser, caller: Token): Promise<boolean> {
    return this.database.write(async () => {
      // Hashing took its time, in which the caller may have been logged out.
      if (caller.sessionId !== null && !(await this.sessions.touch(caller.sessionId))) {
        throw new TokenError(tokenRevoked, 'the session ended meanwhile');
      }
      if (!(await this.users.exchange(user, values))) return false;
      if (values.passwordHash !== user.passwordHash) {
        await this.sessions.endAll(String(user.id), caller.sessionId);
      }
      return true;
    });
  }

  /**
   * Makes the user an administrator, or an ordinary user again, and ends all of their sessions,
   * whose tokens say otherwise.
   *
   * @throws ApiError `not_found`
   */
  async setAdmin(name: string, admin: boolean): Promise<void> {
    const user = await this.users.findByNameWithHash(nfc(name));
    if (!user) throw new ApiError(notFound);
    await this.database.write(async () => {
      await this.users.setAdmin(user.id, admin);
      await this.sessions.endAll(String(user.id));
    });
  }

  /**
   * Removes the user with all of their sessions.
   *
   * @throws ApiError `not_found`
   */
  async remove(id: number): Promise<void> {
    await this.database.write(async () => {
      if (!(await this.users.remove(id))) throw new ApiError(notFound);
      await this.sessions.removeAll(String(id));
    });
  }

  /**
   * The user of that name and password, or null. Both take the same time. A hash that was made
   * with other parameters than today's is replaced.
   */
  async authenticate(name: string, password: string): Promise<AuthenticatedUser | null> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const user = await this.users.findByNameWithHash(nfc(name));
      if (!user) {
        await this.passwords.verifyNothing(password);
        return null;
      }
      if (!(await this.passwords.verify(user.passwordHash, password))) return null;
      if (!this.passwords.isOutdated(user.passwordHash)) return user;
      const passwordHash = await this.passwords.hash(password);
      if (await this.users.exchange(user, { passwordHash })) return { ...user, passwordHash };
      // Another login was faster with the new hash, or the password was changed: look again.
    }
    throw unavailable('the password kept changing');
  }

  /**
   * Within a write: confirms that the user still has the password that was verified, whose row is
   * then held until the write ends. False where it was changed, or the user removed, meanwhile.
   */
  confirm(user: AuthenticatedUser): Promise<boolean> {
    return this.users.exchange(user, { passwordHash: user.passwordHash });
  }
}

/** A user whose password was just verified against the hash that is here. */
export type AuthenticatedUser = User;
