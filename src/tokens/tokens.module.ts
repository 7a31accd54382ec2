import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { JwtModule } from '@nestjs/jwt';
import { TokenHookRunner } from './token-hooks.js';
import { TokenVerifier } from './token-verifier.js';
import { TokenService } from './token.service.js';

/** Issues, verifies and revokes tokens. Knows users and sessions only by their ids. */
@Global()
@Module({
  // Without a key, because each token is signed with the current one.
  imports: [JwtModule.register({}), DiscoveryModule],
  providers: [TokenVerifier, TokenHookRunner, TokenService],
  exports: [TokenService],
})
export class TokensModule {}
