import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { JwtStrategy } from './jwt.strategy.js';
import { RouteRequirements } from './route-requirements.js';
import { TokenCookies } from './token-cookies.js';
import { TokenGuard } from './token.guard.js';

/** Decides which requests reach a route. */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [RouteRequirements, TokenCookies, TokenGuard, JwtStrategy],
  exports: [RouteRequirements, TokenCookies, TokenGuard],
})
export class AccessModule {}
