import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiError } from '../errors/api-error.js';
import { AppConfig } from '../config/app-config.js';
import type { TokenRequirement } from '../access/requirement.js';
import { CHALLENGE, TokenError } from '../tokens/token-errors.js';
import { TokenGuard } from '../access/token.guard.js';
import type { Token } from '../tokens/token.js';
import { registrationClosed } from './user-errors.js';

const ADMINISTRATOR: TokenRequirement = { scope: { admin: true } };

/**
 * With `REGISTRATION=closed`, refuses a registration without an administrator's token. An accepted
 * token is in `request.token`, as with `@RequireToken()`. While registration is open, no token is
 * read.
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
    return this.check(http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  /** @throws ApiError `registration_closed` without an administrator's token */
  async check(request: FastifyRequest & { token?: Token }, reply: FastifyReply): Promise<true> {
    void reply.header('cache-control', 'no-store');
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

  /** What the token must meet, and where it may be sent. */
  protected requirementFor(_request: FastifyRequest): TokenRequirement {
    return ADMINISTRATOR;
  }
}

/**
 * Runs the guard that a route names with `@RouteConfig({ registration: … })` before Fastify reads
 * the body. Nest runs its guards after that, but a closed registration must not read a body.
 */
export function closeRegistration(app: NestFastifyApplication, config: AppConfig): void {
  if (!config.registrationClosed) return;
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', async (request, reply) => {
      const { registration } = request.routeOptions.config as RegistrationRoute;
      if (registration) await app.get(registration, { strict: false }).check(request, reply);
    });
}

interface RegistrationRoute {
  registration?: typeof RegistrationGuard;
}
