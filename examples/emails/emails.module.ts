import { Module } from '@nestjs/common';
import { UsersModule } from '../../src/users/users.module.js';
import { EmailsController } from './emails.controller.js';
import { EmailsService } from './emails.service.js';

@Module({
  imports: [UsersModule],
  controllers: [EmailsController],
  providers: [EmailsService],
})
export class EmailsModule {}
