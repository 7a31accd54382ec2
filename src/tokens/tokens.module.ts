import { type DynamicModule, Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { JwtModule } from '@nestjs/jwt';
import { ExpiryService } from '../sessions/expiry.service.js';
import { JwksController } from '../auth/jwks.controller.js';
import { TokenKeys } from '../keys/token-keys.js';
import { RouteRequirements } from '../access/route-requirements.js';
import { SessionActivity } from '../sessions/session-activity.js';
import { SessionBatches } from '../sessions/session-batches.js';
import { SessionQuota } from '../sessions/session-quota.js';
import { SessionRepository } from '../sessions/session.repository.js';
import { SuccessorErasure } from '../sessions/successor-erasure.js';
import { SuccessorSeal } from '../sessions/successor-seal.js';
import { TokenCookies } from '../access/token-cookies.js';
import { TokenHookRunner } from './token-hooks.js';
import { TokenStateRepository } from '../sessions/token-state.repository.js';
import { TokenVerifier } from './token-verifier.js';
import { TokenGuard } from '../access/token.guard.js';
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
