import { Module } from '@nestjs/common';
import { ShipsModule } from '../ships/ships.module.js';
import { UsersModule } from '../users/users.module.js';
import { DemoDataService } from './demo-data.service.js';
import { DemoLogins } from './demo-logins.js';

@Module({
  imports: [ShipsModule, UsersModule],
  providers: [DemoDataService, DemoLogins],
  exports: [DemoLogins],
})
export class DemoDataModule {}
