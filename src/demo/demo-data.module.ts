import { Module } from '@nestjs/common';
import { HomeModule } from '../home/home.module.js';
import { UsersModule } from '../users/users.module.js';
import { DemoDataService } from './demo-data.service.js';
import { DemoUsersService } from './demo-users.service.js';

@Module({
  imports: [HomeModule, UsersModule],
  providers: [DemoDataService, DemoUsersService],
  exports: [DemoDataService],
})
export class DemoDataModule {}
