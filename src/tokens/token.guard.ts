import { type CanActivate, type ExecutionContext, Injectable, Logger } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { bearerToken } from './bearer.js';
import { PUBLIC, REQUIREMENT, type RouteAccess } from './require-token.decorator.js';
import { unmet } from './requirement.js';
import { TokenError, tokenMissing } from './token-error.js';
import { TokenService } from './token.service.js';
import type { Token } from './token.js';

/** Passport's answer, as one of our own errors. */
function handle<T>(
  tokens: TokenService,
  [error, token, info, context]: [unknown, unknown, unknown, ExecutionContext],
): T {
  if (error) throw error as Error;
  if (token) return token as T;
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  throw bearerToken(request) === null ? new TokenError(tokenMissing) : tokens.refusal(info);
}

@Injectable()
export class AccessTokenGuard extends AuthGuard('access_token') {
  constructor(private readonly tokens: TokenService) {
    super();
  }

  override handleRequest<T>(...answer: [unknown, unknown, unknown, ExecutionContext]): T {
    return handle(this.tokens, answer);
  }
}

@Injectable()
export class RefreshTokenGuard extends AuthGuard('refresh_token') {
  constructor(private readonly tokens: TokenService) {
    super();
  }

  override handleRequest<T>(...answer: [unknown, unknown, unknown, ExecutionContext]): T {
    return handle(this.tokens, answer);
  }
}

/**
 * Stands before every route: lets in what `@Public()` opens, and else only who holds the token
 * that `@RequireToken()` asks for, an access token where it says nothing.
 */
@Injectable()
export class TokenGuard implements CanActivate {
  private readonly logger = new Logger(TokenGuard.name);

  constructor(
    private readonly reflector: Reflector,
    private readonly access: AccessTokenGuard,
    private readonly refresh: RefreshTokenGuard,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const requirement =
      this.reflector.getAllAndOverride<RouteAccess | undefined>(REQUIREMENT, [
        context.getHandler(),
        context.getClass(),
      ]) ?? {};
    if (requirement === PUBLIC) return true;

    const http = context.switchToHttp();
    http.getResponse<FastifyReply>().header('cache-control', 'no-store');
    const guard = requirement.type === 'refresh' ? this.refresh : this.access;
    try {
      await guard.canActivate(context);
      const request = http.getRequest<FastifyRequest & { user: Token }>();
      const lacking = unmet(requirement, request.user, request.params as Record<string, string>);
      if (lacking) throw new TokenError(lacking, `of ${request.user.subject}`);
    } catch (error) {
      if (error instanceof TokenError) {
        this.logger.debug(`Refused (${error.kind.code}): ${error.reason}`);
      }
      throw error;
    }
    return true;
  }
}
