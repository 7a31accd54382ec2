import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy, type StrategyOptionsWithRequest } from 'passport-jwt';
import { bearerToken } from './bearer.js';
import { TokenError, tokenRevoked, type TokenType } from './token-error.js';
import { TokenService } from './token.service.js';
import { TokenStateRepository } from './token-state.repository.js';
import type { Token } from './token.js';

type Request = { raw: IncomingMessage };

/**
 * What both strategies do: passport-jwt verifies the signature with the key that we give it, and
 * hands us the claims to check.
 */
function optionsOf(tokens: TokenService): StrategyOptionsWithRequest {
  const { verifyOptions } = tokens;
  return {
    passReqToCallback: true,
    jwtFromRequest: (request: Request) => bearerToken(request),
    secretOrKeyProvider: (_request, signed: string, done) => {
      try {
        // passport-jwt passes the key on to jsonwebtoken, which knows key objects.
        done(null, tokens.keyFor(signed) as unknown as Buffer);
      } catch (error) {
        done(error);
      }
    },
    jsonWebTokenOptions: verifyOptions,
    // passport-jwt lets its own options for these, even unset, take the place of those.
    ...verifyOptions,
  };
}

async function accept(
  type: TokenType,
  tokens: TokenService,
  states: TokenStateRepository,
  request: Request,
  payload: Record<string, unknown>,
): Promise<Token> {
  const token = tokens.accept(bearerToken(request) ?? '', payload, type);
  if (!(await states.isLive(token))) throw new TokenError(tokenRevoked);
  return token;
}

@Injectable()
export class AccessTokenStrategy extends PassportStrategy(Strategy, 'access_token') {
  constructor(
    private readonly tokens: TokenService,
    private readonly states: TokenStateRepository,
  ) {
    super(optionsOf(tokens));
  }

  validate(request: Request, payload: Record<string, unknown>): Promise<Token> {
    return accept('access', this.tokens, this.states, request, payload);
  }
}

@Injectable()
export class RefreshTokenStrategy extends PassportStrategy(Strategy, 'refresh_token') {
  constructor(
    private readonly tokens: TokenService,
    private readonly states: TokenStateRepository,
  ) {
    super(optionsOf(tokens));
  }

  validate(request: Request, payload: Record<string, unknown>): Promise<Token> {
    return accept('refresh', this.tokens, this.states, request, payload);
  }
}
