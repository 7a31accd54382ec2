import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import type passport from 'passport';
import { Strategy } from 'passport-jwt';
import { TokenKeys } from '../keys/token-keys.js';
import { TokenError, tokenMissing } from '../tokens/token-errors.js';
import { tokenErrorOf } from '../tokens/token-verifier.js';
import { TokenService } from '../tokens/token.service.js';
import type { Token } from '../tokens/token.js';
import { bearerToken } from './sent-token.js';
import type { TokenKey } from '../keys/token-key.js';

/**
 * Passport's strategy `jwt`, for `@UseGuards(AuthGuard('jwt'))` as the Nest documentation shows it: an
 * access token in the header `Authorization`. `request.user` is the `Token`.
 *
 * The global `TokenGuard` does not use it: `@RequireToken()` says more, and costs one verification
 * less. See docs/decisions/0005-checking-tokens.md.
 */
@Injectable()
export class JwtStrategy extends PassportStrategy(Strategy, 'jwt') {
  constructor(
    private readonly tokens: TokenService,
    keys: TokenKeys,
  ) {
    super({
      passReqToCallback: true,
      jwtFromRequest: bearerToken,
      secretOrKeyProvider: (_request, signed: string, done) => {
        try {
          const { kid } = tokens.decode(signed).header;
          const key = keys.find(typeof kid === 'string' ? kid : undefined);
          if (key) done(null, exportKey(key));
          else done(new Error('no key has its kid'));
        } catch (error) {
          done(error);
        }
      },
    });
  }

  /**
   * Passport makes an object of the strategy for each request. Its failures become errors of tokens, so
   * that the response has the code and the challenge of every other refused token.
   */
  override authenticate(request: unknown, options: object = {}): void {
    const running = this as unknown as passport.StrategyCreatedStatic;
    const isMissing = bearerToken(request as FastifyRequest) === null;
    running.fail = (reason: unknown) =>
      running.error(isMissing ? new TokenError(tokenMissing) : tokenErrorOf(reason));
    super.authenticate(request as never, options);
  }

  /**
   * passport-jwt has verified the signature. Everything else is checked where it always is.
   *
   * @throws TokenError
   */
  validate(request: FastifyRequest): Promise<Token> {
    return this.tokens.verify(bearerToken(request) ?? '', { type: 'access' });
  }
}

/** passport-jwt takes a secret or a PEM, and no key object. */
function exportKey({ verifying }: TokenKey): string | Buffer {
  return verifying.type === 'secret'
    ? verifying.export()
    : verifying.export({ type: 'spki', format: 'pem' });
}
