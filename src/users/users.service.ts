import { Injectable } from '@nestjs/common';
import { ApiError, notFound } from '../common/api-error.js';
import type { Page } from '../common/page.js';
import { Database } from '../database/database.js';
import { SessionRepository } from '../tokens/session.repository.js';
import { PasswordHasher } from './password-hasher.js';
import { type NewUser, UserRepository } from './user.repository.js';
import type { User } from './user.js';

interface Credentials {
  name: string;
  password: string;
}

@Injectable()
export class UsersService {
  constructor(
    private readonly users: UserRepository,
    private readonly passwords: PasswordHasher,
    private readonly sessions: SessionRepository,
    private readonly database: Database,
  ) {}

  /** One more than the page may hold, where there is one. */
  list(page: Page): Promise<User[]> {
    return this.users.list(page);
  }

  find(id: number): Promise<User | undefined> {
    return this.users.findById(id);
  }

  /** @throws ApiError `not_found` */
  async get(id: number): Promise<User> {
    const user = await this.find(id);
    if (!user) throw new ApiError(notFound);
    return user;
  }

  /** @throws ApiError `name_taken` */
  async register(credentials: Credentials): Promise<User> {
    return this.users.add(await this.prepare(credentials));
  }

  /** What is stored of a user; hashing comes first, so that no write waits for it. */
  async prepare({ name, password }: Credentials): Promise<NewUser> {
    return {
      name: name.normalize('NFC'),
      passwordHash: await this.passwords.hash(password),
    };
  }

  /** @throws ApiError `name_taken` */
  add(user: NewUser): Promise<User> {
    return this.users.add(user);
  }

  /**
   * Gives the user a new name and password. Where the password is another than before, every
   * session of the user but `sessionId` ends.
   *
   * @throws ApiError `not_found`, `name_taken`
   */
  async replace(id: number, { name, password }: Credentials, sessionId: string | null) {
    const user = await this.users.findByIdWithHash(id);
    if (!user) throw new ApiError(notFound);
    const values = { name: name.normalize('NFC') };
    if (await this.passwords.verify(user.passwordHash, password)) {
      if (!(await this.users.update(id, values))) throw new ApiError(notFound);
    } else {
      const passwordHash = await this.passwords.hash(password);
      await this.database.write(async () => {
        const found = await this.users.update(id, { ...values, passwordHash });
        if (!found) throw new ApiError(notFound);
        await this.sessions.endAll(String(id), sessionId);
      });
    }
    return { ...user, ...values };
  }

  /**
   * Removes the user and ends all of their sessions.
   *
   * @throws ApiError `not_found`
   */
  async remove(id: number): Promise<void> {
    await this.database.write(async () => {
      if (!(await this.users.remove(id))) throw new ApiError(notFound);
      await this.sessions.endAll(String(id));
    });
  }

  /** The user of that name and password, or null. Both take the same time. */
  async authenticate(name: string, password: string): Promise<AuthenticatedUser | null> {
    const user = await this.users.findByNameWithHash(name.normalize('NFC'));
    if (!user) {
      await this.passwords.verifyNothing(password);
      return null;
    }
    if (!(await this.passwords.verify(user.passwordHash, password))) return null;
    const outdated = this.passwords.isOutdated(user.passwordHash);
    const newHash = outdated ? await this.passwords.hash(password) : user.passwordHash;
    return { user, newHash };
  }

  /**
   * Within a write: confirms that the user still has the password that was verified, whose row is
   * then held until the write ends, and keeps the rehashed password. False where it was changed,
   * or the user removed, meanwhile.
   */
  confirm({ user, newHash }: AuthenticatedUser): Promise<boolean> {
    return this.users.confirmHash(user.id, user.passwordHash, newHash);
  }
}

export interface AuthenticatedUser {
  user: User;
  /** The password's hash with today's parameters. */
  newHash: string;
}
