import { Module } from '@nestjs/common';
import { UsersModule } from '../users/users.module.js';
import { AuthController } from './auth.controller.js';
import { AuthService } from './auth.service.js';
import { LocalStrategy } from './local.strategy.js';
import { RefreshService } from './refresh.service.js';
import { SessionsController } from './sessions.controller.js';

@Module({
  imports: [UsersModule],
  controllers: [AuthController, SessionsController],
  providers: [AuthService, RefreshService, LocalStrategy],
  exports: [AuthService],
})
export class AuthModule {}
