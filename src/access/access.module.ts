import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { JwtStrategy } from './jwt.strategy.js';
import { RouteRequirementsService } from './route-requirements.service.js';
import { TokenCookiesService } from './token-cookies.service.js';
import { TokenGuard } from './token.guard.js';

/** Decides which requests reach a route. */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [RouteRequirementsService, TokenCookiesService, TokenGuard, JwtStrategy],
  exports: [RouteRequirementsService, TokenCookiesService, TokenGuard],
})
export class AccessModule {}
