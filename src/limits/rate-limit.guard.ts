import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AuthAttemptsService } from './auth-attempts.service.js';
import { refuseBeyond } from './user-rate-limit.guard.js';

/** Refuses an address that has tried too often to log in or to register. */
@Injectable()
export class AuthRateLimitGuard implements CanActivate {
  constructor(private readonly attempts: AuthAttemptsService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    refuseBeyond(await this.attempts.take(request), 'AUTH_RATE_LIMIT');
    return true;
  }
}
