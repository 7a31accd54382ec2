import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config.js';
import { packageRoot } from '../config/package-root.js';
import { type DemoLogin, DemoLoginsService } from '../home/demo-logins.service.js';
import { serviceHashQueueKeys, PasswordHasher } from '../passwords/password-hasher.js';
import { type AuthenticatedUser, UsersService } from '../users/users.service.js';

interface VerifiedLogin extends DemoLogin {
  user: AuthenticatedUser;
}

/** Reads the demo users, and finds those that exist and still have their published password. */
@Injectable()
export class DemoUsersService {
  private verified: Promise<VerifiedLogin[]> | undefined;

  constructor(
    private readonly users: UsersService,
    private readonly passwords: PasswordHasher,
    { demoData }: AppConfig,
    logins: DemoLoginsService,
  ) {
    if (demoData) logins.register(() => this.logins());
  }

  read(): DemoLogin[] {
    const file = join(packageRoot, 'data', 'demo-users.json');
    return JSON.parse(readFileSync(file, 'utf8')) as DemoLogin[];
  }

  /** A password is verified once, at the first call. */
  private async logins(): Promise<DemoLogin[]> {
    this.verified ??= this.verify();
    const current: DemoLogin[] = [];
    for (const { user, name, password } of await this.verified.catch(this.forget)) {
      if (await this.users.isUnchanged(user)) current.push({ name, password });
    }
    return current;
  }

  private async verify(): Promise<VerifiedLogin[]> {
    const verified: VerifiedLogin[] = [];
    for (const { name, password } of this.read()) {
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
