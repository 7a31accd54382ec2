import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { refusedLogin } from '../auth/auth-errors.js';
import { NotAuthenticated, runStrategy } from '../auth/run-strategy.js';
import type { AuthenticatedUser } from '../users/users.service.js';
import { BasicStrategy } from './basic.strategy.js';

/** Requires the name and the password of a user by HTTP Basic. */
@Injectable()
export class BasicAuthGuard implements CanActivate {
  constructor(private readonly strategy: BasicStrategy) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context
      .switchToHttp()
      .getRequest<FastifyRequest & { user?: AuthenticatedUser }>();
    try {
      request.user = await runStrategy<AuthenticatedUser>(this.strategy, request);
      return true;
    } catch (error) {
      const isMalformed = error instanceof NotAuthenticated;
      throw isMalformed ? refusedLogin('no name and password by HTTP Basic') : error;
    }
  }
}
