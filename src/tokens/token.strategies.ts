import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy, type StrategyOptionsWithRequest } from 'passport-jwt';
import { SessionActivity } from '../sessions/session-activity.js';
import { TokenError, tokenRevoked, type TokenType } from './token-errors.js';
import { TokenStateRepository } from '../sessions/token-state.repository.js';
import { type Presented, TokenVerifier } from './token-verifier.js';
import type { Token } from './token.js';

/**
 * passport-jwt verifies the signature with the key that we give it, and hands us the claims to
 * check. What it takes for the request is the token alone: where that was sent is the guard's.
 */
function optionsOf(verifier: TokenVerifier): StrategyOptionsWithRequest {
  const { options } = verifier;
  return {
    passReqToCallback: true,
    jwtFromRequest: ({ signed }: Presented) => signed,
    secretOrKeyProvider: (presented: Presented, _signed, done) => {
      try {
        // passport-jwt passes the key on to jsonwebtoken, which knows key objects.
        done(null, verifier.open(presented) as unknown as Buffer);
      } catch (error) {
        done(error);
      }
    },
    jsonWebTokenOptions: options,
    // passport-jwt lets its own options for these, even unset, take the place of those.
    ...options,
  };
}

abstract class TokenStrategy extends PassportStrategy(Strategy) {
  constructor(
    private readonly verifier: TokenVerifier,
    private readonly states: TokenStateRepository,
    private readonly activity: SessionActivity,
    private readonly type: TokenType,
  ) {
    super(optionsOf(verifier));
  }

  async validate(presented: Presented, payload: Record<string, unknown>): Promise<Token> {
    const token = this.verifier.accept(presented, payload, this.type);
    if (!(await this.states.isLive(token, presented.spent))) {
      throw new TokenError(tokenRevoked, `of ${token.subject}, session ${token.sessionId}`);
    }
    if (token.sessionId !== null) this.activity.note(token.sessionId);
    return token;
  }
}

@Injectable()
export class AccessTokenStrategy extends TokenStrategy {
  constructor(verifier: TokenVerifier, states: TokenStateRepository, activity: SessionActivity) {
    super(verifier, states, activity, 'access');
  }
}

@Injectable()
export class RefreshTokenStrategy extends TokenStrategy {
  constructor(verifier: TokenVerifier, states: TokenStateRepository, activity: SessionActivity) {
    super(verifier, states, activity, 'refresh');
  }
}
