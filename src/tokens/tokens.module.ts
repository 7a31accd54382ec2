import { Global, Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { PassportModule } from '@nestjs/passport';
import { ExpiryService } from './expiry.service.js';
import { SessionRepository } from './session.repository.js';
import { TokenKeys } from './token-keys.js';
import { TokenStateRepository } from './token-state.repository.js';
import { AccessTokenGuard, RefreshTokenGuard, TokenGuard } from './token.guard.js';
import { TokenService } from './token.service.js';
import { AccessTokenStrategy, RefreshTokenStrategy } from './token.strategies.js';

@Module({ providers: [TokenKeys], exports: [TokenKeys] })
class KeysModule {}

/** The token engine: it knows subjects and sessions, and nothing of who they belong to. */
@Global()
@Module({
  imports: [
    KeysModule,
    PassportModule,
    JwtModule.registerAsync({
      imports: [KeysModule],
      inject: [TokenKeys],
      useFactory: (keys: TokenKeys) => ({ secretOrKeyProvider: () => keys.signing }),
    }),
  ],
  providers: [
    TokenService,
    TokenStateRepository,
    SessionRepository,
    ExpiryService,
    AccessTokenStrategy,
    RefreshTokenStrategy,
    AccessTokenGuard,
    RefreshTokenGuard,
    TokenGuard,
  ],
  exports: [TokenGuard, TokenService, TokenStateRepository, SessionRepository],
})
export class TokensModule {}
