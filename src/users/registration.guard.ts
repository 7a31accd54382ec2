import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiError } from '../common/api-error.js';
import { AppConfig } from '../config/app-config.js';
import type { TokenRequirement } from '../tokens/requirement.js';
import { CHALLENGE, TokenError } from '../tokens/token-error.js';
import { TokenGuard } from '../tokens/token.guard.js';
import type { Token } from '../tokens/token.js';
import { registrationClosed } from './user-errors.js';

const ADMINISTRATOR: TokenRequirement = { scope: { admin: true } };

/**
 * With `REGISTRATION=closed`, refuses a registration without an administrator's token. Guards run
 * before pipes, so that neither the body nor the name is looked at. The token is `request.token`,
 * as behind `@RequireToken()`; while registration is open, none is read.
 */
@Injectable()
export class RegistrationGuard implements CanActivate {
  constructor(
    private readonly config: AppConfig,
    private readonly tokens: TokenGuard,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (!this.config.registrationClosed) return true;
    const http = context.switchToHttp();
    http.getResponse<FastifyReply>().header('cache-control', 'no-store');
    const request = http.getRequest<FastifyRequest & { token?: Token }>();
    try {
      request.token = await this.tokens.checkRequest(this.requirementFor(request), request);
      return true;
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      throw new ApiError(registrationClosed, {
        headers: { 'www-authenticate': CHALLENGE },
        cause: error.reason,
      });
    }
  }

  /** Where the token may be sent. */
  protected requirementFor(_request: FastifyRequest): TokenRequirement {
    return ADMINISTRATOR;
  }
}
