import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ApiError } from '../errors/api-error.js';
import { validateBody } from '../validation/validate-body.js';
import { isPlainObject } from '../validation/values.js';
import { AppConfig } from '../config/app-config.js';
import { runStrategy } from './run-strategy.js';
import type { AuthenticatedUser } from '../users/users.service.js';
import { credentialsMissing } from './auth-errors.js';
import { Login } from './dto/login.dto.js';
import { LocalStrategy } from './local.strategy.js';

/**
 * Validates the body before Passport reads it, because Nest runs guards before pipes. Without the
 * fields, passport-local would read the query string, where passwords end up in logs.
 */
@Injectable()
export class LocalAuthGuard implements CanActivate {
  constructor(
    private readonly config: AppConfig,
    private readonly strategy: LocalStrategy,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context
      .switchToHttp()
      .getRequest<FastifyRequest & { user?: AuthenticatedUser }>();
    const { body } = request;
    if (isPlainObject(body) && (isMissing(body.username) || isMissing(body.password))) {
      throw new ApiError(credentialsMissing);
    }
    // Clients of the Flask API may send more fields, such as `remember`.
    validateBody(Login, body, this.config, { ignoreUnknown: true });
    request.user = await runStrategy<AuthenticatedUser>(this.strategy, request);
    return true;
  }
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}
