import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ApiError, tooManyRequests } from '../errors/api-error.js';
import { WindowCounter } from '../scheduling/window-counter.js';
import { clientNetwork } from '../http/client-address.js';
import { AppConfig } from '../config/app-config.js';

const COUNTER = 'authAttempts';
const MINUTE = 60_000;
/** The maximum number of addresses that are counted; they take a few MiB. */
const MAX_COUNTED = 20_000;

/** Creates one counter for logins and registrations together, by address (IPv6: by /64). */
export function countAuthAttempts(instance: FastifyInstance, max: number): void {
  const counter = new WindowCounter({ max, window: MINUTE, maxKeys: MAX_COUNTED });
  instance.decorate(COUNTER, counter);
}

/** Refuses an address that has tried too often to log in or to register. */
@Injectable()
export class AuthRateLimitGuard implements CanActivate {
  constructor(private readonly config: AppConfig) {}

  canActivate(context: ExecutionContext): boolean {
    if (this.config.authRateLimit === 0) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const wait = request.server.getDecorator<WindowCounter>(COUNTER).take(clientNetwork(request));
    if (wait === 0) return true;
    throw new ApiError(tooManyRequests, {
      headers: { 'retry-after': String(wait) },
      cause: 'AUTH_RATE_LIMIT',
    });
  }
}
