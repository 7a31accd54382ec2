import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import rateLimit, { type CreateRateLimitOptions } from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ApiError, tooManyRequests } from '../common/api-error.js';
import { clientNetwork } from './client-address.js';
import { AppConfig } from '../config/app-config.js';

type CheckLimit = ReturnType<FastifyInstance['createRateLimit']>;
const CHECK = 'checkAuthRateLimit';

/** One count for logins and registrations together, by address (IPv6: by /64). */
export async function countAuthAttempts(instance: FastifyInstance, max: number): Promise<void> {
  await instance.register(rateLimit, { global: false });
  const options: CreateRateLimitOptions = {
    max,
    timeWindow: 60_000,
    keyGenerator: clientNetwork,
  };
  instance.decorate(CHECK, instance.createRateLimit(options));
}

/** Refuses an address that has tried too often to log in or to register. */
@Injectable()
export class AuthRateLimitGuard implements CanActivate {
  constructor(private readonly config: AppConfig) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (this.config.authRateLimit === 0) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const check = request.server.getDecorator<CheckLimit>(CHECK);
    const count = await check(request);
    if (count.isAllowed || !count.isExceeded) return true;
    throw new ApiError(tooManyRequests, {
      headers: { 'retry-after': String(Math.max(1, count.ttlInSeconds)) },
      cause: 'AUTH_RATE_LIMIT',
    });
  }
}
