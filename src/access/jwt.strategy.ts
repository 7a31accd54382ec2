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
 * Passport's strategy `jwt`, for `@UseGuards(AuthGuard('jwt'))` as in the Nest documentation. It
 * reads an access token from the header `Authorization`. `request.user` is the `Token`.
 *
 * The global `TokenGuard` does not use it: `@RequireToken()` can express more, and needs one
 * verification less. See docs/decisions/0005-checking-tokens.md.
 */
@Injectable()
export class JwtStrategy extends PassportStrategy(Strategy, 'jwt') {
  constructor(
    private readonly tokens: TokenService,
    keys: TokenKeys,
  ) {
    const findKey = async (signed: string): Promise<TokenKey> => {
      const { kid } = tokens.decode(signed).header;
      const key = await keys.findOrReload(typeof kid === 'string' ? kid : undefined);
      if (!key) throw new Error('no key has the kid of the token');
      return key;
    };
    super({
      passReqToCallback: true,
      jwtFromRequest: bearerToken,
      secretOrKeyProvider: (_request, signed: string, done) => {
        findKey(signed).then((key) => done(null, exportKey(key)), done);
      },
    });
  }

  /**
   * Passport creates an object from the strategy for each request. Its failures become a
   * `TokenError`, so that the response has the same code and challenge as for any other refused
   * token.
   */
  override authenticate(request: unknown, options: object = {}): void {
    const running = this as unknown as passport.StrategyCreatedStatic;
    const isMissing = bearerToken(request as FastifyRequest) === null;
    running.fail = (reason: unknown) =>
      running.error(isMissing ? new TokenError(tokenMissing) : tokenErrorOf(reason));
    super.authenticate(request as never, options);
  }

  /**
   * Runs after passport-jwt has verified the signature. `TokenService` makes every other check.
   *
   * @throws TokenError
   */
  validate(request: FastifyRequest): Promise<Token> {
    return this.tokens.verify(bearerToken(request) ?? '', { type: 'access' });
  }
}

/** Exports the key, because passport-jwt takes a secret or a PEM but no key object. */
function exportKey({ verifying }: TokenKey): string | Buffer {
  return verifying.type === 'secret'
    ? verifying.export()
    : verifying.export({ type: 'spki', format: 'pem' });
}
