import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ApiError } from '../errors/api-error.js';
import { AppConfig } from '../config/app-config.js';
import { Database } from '../database/database.js';
import { firstPage } from '../lists/list-query.js';
import { Ship } from '../ships/ship.entity.js';
import { valuesOf } from '../validation/columns.js';
import { ShipsService } from '../ships/ships.service.js';
import { nameTaken } from '../users/user-errors.js';
import { serviceHashQueueKeys } from '../passwords/password-hasher.js';
import { UsersService } from '../users/users.service.js';
import { readFleet } from './fleet.js';

/** Fills an empty database with the users and ships of the Flask API, as examples. */
@Injectable()
export class DemoDataService implements OnModuleInit {
  private readonly logger = new Logger(DemoDataService.name);

  constructor(
    private readonly config: AppConfig,
    private readonly database: Database,
    private readonly users: UsersService,
    private readonly ships: ShipsService,
  ) {}

  async onModuleInit(): Promise<void> {
    if (!this.config.demoData || !(await this.isEmpty())) return;
    const fleet = readFleet();
    const users = await Promise.all(
      fleet.users.map((user) => this.users.prepare(user, serviceHashQueueKeys())),
    );
    try {
      await this.database.write(async () => {
        for (const user of users) await this.users.add(user);
        for (const ship of fleet.ships) await this.ships.create(valuesOf(Ship, ship));
      });
    } catch (error) {
      // Another process that started with the same empty database has added them.
      if (error instanceof ApiError && error.kind === nameTaken) return;
      throw error;
    }
    this.logger.debug(`Added ${users.length} demo users and ${fleet.ships.length} demo ships`);
  }

  private async isEmpty(): Promise<boolean> {
    const lists = [await this.users.list(firstPage(1)), await this.ships.list(firstPage(1))];
    return lists.every(({ rows }) => rows.length === 0);
  }
}
