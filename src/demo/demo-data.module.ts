import { Module } from '@nestjs/common';
import { ShipsModule } from '../ships/ships.module.js';
import { UsersModule } from '../users/users.module.js';
import { DemoDataService } from './demo-data.service.js';
import { DemoLoginsService } from './demo-logins.service.js';

@Module({
  imports: [ShipsModule, UsersModule],
  providers: [DemoDataService, DemoLoginsService],
  exports: [DemoLoginsService],
})
export class DemoDataModule {}
