import { type DynamicModule, Global, Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { ExpiryService } from './expiry.service.js';
import { SessionRepository } from './session.repository.js';
import { TokenKeys } from './token-keys.js';
import { TokenStateRepository } from './token-state.repository.js';
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
      imports: [JwtModule.register({ secretOrKeyProvider: () => keys.signing })],
      providers: [
        { provide: TokenKeys, useValue: keys },
        TokenService,
        TokenStateRepository,
        SessionRepository,
        ExpiryService,
        AccessTokenStrategy,
        RefreshTokenStrategy,
        TokenGuard,
      ],
      exports: [TokenGuard, TokenService, TokenStateRepository, SessionRepository],
    };
  }
}
