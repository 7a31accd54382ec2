import { type ExecutionContext, Injectable } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import { ApiError } from '../common/api-error.js';
import { validateBody } from '../common/validation.js';
import { AppConfig } from '../config/app-config.js';
import { credentialsMissing } from './auth-errors.js';
import { Login } from './dto/login.dto.js';

/**
 * Checks the body before Passport sees it: Nest runs guards before pipes, and passport-local
 * falls back to the query string, where passwords end up in logs.
 */
@Injectable()
export class LocalAuthGuard extends AuthGuard('local') {
  constructor(private readonly config: AppConfig) {
    super();
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const { body } = context.switchToHttp().getRequest<FastifyRequest>();
    if (isObject(body) && (isMissing(body.username) || isMissing(body.password))) {
      throw new ApiError(credentialsMissing);
    }
    validateBody(Login, body, this.config);
    return (await super.canActivate(context)) as boolean;
  }

  override handleRequest<T>(error: unknown, authenticated: T | false): T {
    if (error) throw error as Error;
    if (!authenticated) throw new ApiError(credentialsMissing);
    return authenticated;
  }
}

function isObject(body: unknown): body is Partial<Record<keyof Login, unknown>> {
  return typeof body === 'object' && body !== null && !Array.isArray(body);
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}
