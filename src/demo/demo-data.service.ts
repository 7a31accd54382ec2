import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ApiError } from '../errors/api-error.js';
import { AppConfig } from '../config/app-config.js';
import { Database } from '../database/database.js';
import { firstPage } from '../lists/list-query.js';
import { nameTaken } from '../users/user-errors.js';
import { serviceHashQueueKeys } from '../passwords/password-hasher.js';
import { UsersService } from '../users/users.service.js';
import { DemoUsersService } from './demo-users.service.js';

/** The demo data of a feature. */
interface DemoPart {
  /** Whether the feature has no rows yet. */
  isEmpty(): Promise<boolean>;
  /** Adds the rows, within the write that adds those of all features. */
  add(): Promise<void>;
}

/** Fills an empty database with the users of the Flask API, and with the demo data of features. */
@Injectable()
export class DemoDataService implements OnModuleInit {
  private readonly logger = new Logger(DemoDataService.name);
  private readonly parts: DemoPart[] = [];

  constructor(
    private readonly config: AppConfig,
    private readonly database: Database,
    private readonly users: UsersService,
    private readonly demoUsers: DemoUsersService,
  ) {}

  /** Adds the demo data of a feature. A constructor calls it, before the data is added. */
  register(part: DemoPart): void {
    this.parts.push(part);
  }

  async onModuleInit(): Promise<void> {
    if (!this.config.demoData || !(await this.isEmpty())) return;
    const users = await Promise.all(
      this.demoUsers.read().map((user) => this.users.prepare(user, serviceHashQueueKeys())),
    );
    try {
      await this.database.write(async () => {
        for (const user of users) await this.users.add(user);
        for (const part of this.parts) await part.add();
      });
    } catch (error) {
      // Another process that started with the same empty database has added them.
      if (error instanceof ApiError && error.kind === nameTaken) return;
      throw error;
    }
    this.logger.debug('Added the demo data');
  }

  private async isEmpty(): Promise<boolean> {
    const users = await this.users.list(firstPage(1));
    const parts = await Promise.all(this.parts.map((part) => part.isEmpty()));
    return users.rows.length === 0 && parts.every(Boolean);
  }
}
