import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { CurrentPasswordCheck } from '../users/passwords/current-password.js';
import { UsersModule } from '../users/users.module.js';
import { AuthController } from './auth.controller.js';
import { AuthService } from './auth.service.js';
import { CredentialsService } from './credentials.service.js';
import { JwksController } from './jwks.controller.js';
import { LocalStrategy } from './local.strategy.js';
import { RefreshRepeatsService } from './sessions/refresh-repeats.service.js';
import { RefreshService } from './sessions/refresh.service.js';
import { LoginNamesService } from './login-names.service.js';
import { LoginThrottleService } from './throttle/login-throttle.service.js';
import { LoginUnlockService } from './throttle/login-unlock.service.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { SessionsService } from './sessions/sessions.service.js';
import { TokenResponseService } from './token-response.service.js';

/** Global, because `users/` injects `CurrentPasswordCheck` and must not import this folder. */
@Global()
@Module({
  imports: [DiscoveryModule, UsersModule],
  controllers: [AuthController, SessionsController, JwksController],
  providers: [
    AuthService,
    RefreshService,
    RefreshRepeatsService,
    SessionsService,
    CredentialsService,
    { provide: CurrentPasswordCheck, useExisting: CredentialsService },
    LoginNamesService,
    LoginThrottleService,
    LoginUnlockService,
    LocalStrategy,
    TokenResponseService,
  ],
  exports: [AuthService, CredentialsService, CurrentPasswordCheck],
})
export class AuthModule {}
