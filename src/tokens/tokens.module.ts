import { type DynamicModule, Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { JwtModule } from '@nestjs/jwt';
import { ExpiryService } from './expiry.service.js';
import { JwksController } from './keys/jwks.controller.js';
import { TokenKeys } from './keys/token-keys.js';
import { RouteRequirements } from './route-requirements.js';
import { SessionActivity } from './session-activity.js';
import { SessionBatches } from './session-batches.js';
import { SessionQuota } from './session-quota.js';
import { SessionRepository } from './session.repository.js';
import { SuccessorErasure } from './successor-erasure.js';
import { SuccessorSeal } from './successor-seal.js';
import { TokenCookies } from './token-cookies.js';
import { TokenHookRunner } from './token-hooks.js';
import { TokenStateRepository } from './token-state.repository.js';
import { TokenVerifier } from './token-verifier.js';
import { TokenGuard } from './token.guard.js';
import { TokenService } from './token.service.js';
import { AccessTokenStrategy, RefreshTokenStrategy } from './token.strategies.js';

/** The token engine: it knows subjects and sessions, and nothing of who they belong to. */
@Global()
@Module({})
export class TokensModule {
  static forRoot(keys: TokenKeys): DynamicModule {
    return {
      module: TokensModule,
      // Without a key: each token is signed with the one of its moment.
      imports: [JwtModule.register({}), DiscoveryModule],
      controllers: [JwksController],
      providers: [
        { provide: TokenKeys, useValue: keys },
        TokenVerifier,
        AccessTokenStrategy,
        RefreshTokenStrategy,
        TokenHookRunner,
        TokenService,
        TokenCookies,
        TokenStateRepository,
        SessionRepository,
        SessionBatches,
        SessionActivity,
        SessionQuota,
        SuccessorSeal,
        SuccessorErasure,
        ExpiryService,
        RouteRequirements,
        TokenGuard,
      ],
      exports: [
        TokenGuard,
        TokenService,
        TokenCookies,
        SessionRepository,
        SessionBatches,
        SessionQuota,
        SuccessorSeal,
        RouteRequirements,
      ],
    };
  }
}
