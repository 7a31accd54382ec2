import { type CanActivate, type ExecutionContext, Injectable, Logger } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { bearerToken } from './bearer.js';
import { PUBLIC, REQUIREMENT, type RouteAccess } from './require-token.decorator.js';
import { unmet } from './requirement.js';
import { NotAuthenticated, runStrategy } from './run-strategy.js';
import { TokenError, tokenMissing } from './token-error.js';
import { TokenService } from './token.service.js';
import { AccessTokenStrategy, RefreshTokenStrategy } from './token.strategies.js';
import type { Token } from './token.js';

type Request = FastifyRequest & { user?: Token };

/**
 * Stands before every route: lets in what `@Public()` opens, and else only who holds the token
 * that `@RequireToken()` asks for, an access token where it says nothing.
 */
@Injectable()
export class TokenGuard implements CanActivate {
  private readonly logger = new Logger(TokenGuard.name);
  /** What the decorators said, which does not change, by controller and handler. */
  private readonly requirements = new Map<object, Map<object, RouteAccess>>();

  constructor(
    private readonly reflector: Reflector,
    private readonly access: AccessTokenStrategy,
    private readonly refresh: RefreshTokenStrategy,
    private readonly tokens: TokenService,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const requirement = this.requirementOf(context);
    if (requirement === PUBLIC) return true;

    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    http.getResponse<FastifyReply>().header('cache-control', 'no-store');
    try {
      const strategy = requirement.type === 'refresh' ? this.refresh : this.access;
      const token = await runStrategy<Token>(strategy, request);
      const lacking = unmet(requirement, token, request.params as Record<string, string>);
      if (lacking) throw new TokenError(lacking, `of ${token.subject}`);
      request.user = token;
      return true;
    } catch (error) {
      throw this.refusal(error, request);
    }
  }

  private requirementOf(context: ExecutionContext): RouteAccess {
    const [handler, controller] = [context.getHandler(), context.getClass()];
    // By controller, too: one may inherit a handler from another and be decorated differently.
    const ofController = this.requirements.get(controller) ?? new Map<object, RouteAccess>();
    this.requirements.set(controller, ofController);
    let requirement = ofController.get(handler);
    if (requirement === undefined) {
      requirement =
        this.reflector.getAllAndOverride<RouteAccess | undefined>(REQUIREMENT, [
          handler,
          controller,
        ]) ?? {};
      ofController.set(handler, requirement);
    }
    return requirement;
  }

  private refusal(error: unknown, request: Request): unknown {
    const refusal = error instanceof NotAuthenticated ? this.explain(error, request) : error;
    if (refusal instanceof TokenError) {
      this.logger.debug(`Refused (${refusal.kind.code}): ${refusal.reason}`);
    }
    return refusal;
  }

  private explain({ cause }: NotAuthenticated, request: Request): TokenError {
    if (bearerToken(request) === null) return new TokenError(tokenMissing);
    return this.tokens.refusal(cause);
  }
}
