import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config.js';
import { serviceHashQueueKeys, PasswordHasher } from '../passwords/password-hasher.js';
import { type AuthenticatedUser, UsersService } from '../users/users.service.js';
import { readFleet } from './fleet.js';

export interface DemoLogin {
  name: string;
  password: string;
}

interface VerifiedLogin extends DemoLogin {
  user: AuthenticatedUser;
}

/** Lists the demo users that exist and still have their published password. */
@Injectable()
export class DemoLoginsService {
  private verified: Promise<VerifiedLogin[]> | undefined;

  constructor(
    private readonly config: AppConfig,
    private readonly users: UsersService,
    private readonly passwords: PasswordHasher,
  ) {}

  /** Empty in production. A password is verified once, at the first call. */
  async list(): Promise<DemoLogin[]> {
    if (!this.config.demoData) return [];
    this.verified ??= this.verify();
    const current: DemoLogin[] = [];
    for (const { user, name, password } of await this.verified.catch(this.forget)) {
      if (await this.users.isUnchanged(user)) current.push({ name, password });
    }
    return current;
  }

  private async verify(): Promise<VerifiedLogin[]> {
    const verified: VerifiedLogin[] = [];
    for (const { name, password } of readFleet().users) {
      const user = await this.users.findByNameWithHash(name);
      if (!user) continue;
      const isRight = await this.passwords.verify(
        user.passwordHash,
        password,
        serviceHashQueueKeys(),
      );
      if (isRight) verified.push({ name, password, user });
    }
    return verified;
  }

  /** A failure, for example of the database, is not cached. */
  private readonly forget = (error: unknown): never => {
    this.verified = undefined;
    throw error;
  };
}
