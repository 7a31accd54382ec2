import {
  type CanActivate,
  type ExecutionContext,
  Injectable,
  type OnModuleInit,
} from '@nestjs/common';
import { ApiError, tooManyRequests } from '../errors/api-error.js';
import { SharedCounter } from '../workers/shared-counter.js';
import { AppConfig } from '../config/app-config.js';
import { RouteRequirementsService } from '../access/route-requirements.service.js';
import type { Token } from '../tokens/token.js';

const MINUTE = 60_000;
/** The maximum number of users and sessions that are counted; they take a few MiB. */
export const MAX_COUNTED = 20_000;

/**
 * Limits the requests that write or hash, by user and by session (`USER_RATE_LIMIT`). It runs
 * after the guard that checks the token, so that only requests with a valid one are counted.
 */
@Injectable()
export class UserRateLimitGuard implements CanActivate, OnModuleInit {
  private readonly max: number;
  private readonly counter: SharedCounter;
  private handlers: ReadonlySet<object> = new Set();

  constructor(
    config: AppConfig,
    private readonly routes: RouteRequirementsService,
  ) {
    this.max = config.limits.userRateLimit;
    this.counter = new SharedCounter('requests of users', {
      max: this.max,
      window: MINUTE,
      maxKeys: MAX_COUNTED,
    });
  }

  onModuleInit(): void {
    if (this.max === 0) return;
    const limited = this.routes.list().filter(({ rateLimited }) => rateLimited);
    this.handlers = new Set(limited.map(({ handler }) => handler));
  }

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    if (!this.handlers.has(context.getHandler())) return true;
    const { token } = context.switchToHttp().getRequest<{ token?: Token }>();
    return token ? this.count(token) : true;
  }

  private async count(token: Token): Promise<true> {
    const wait = await this.counter.take(...countedKeys(token));
    refuseBeyond(wait, 'requests that write or hash');
    return true;
  }
}

/** The names under which the requests of a token are counted. */
function countedKeys({ subject, sessionId }: Token): string[] {
  return [`user ${subject}`, ...(sessionId === null ? [] : [`session ${sessionId}`])];
}

/**
 * @param wait seconds; 0 if the request was counted
 * @param cause for the log
 * @throws ApiError `too_many_requests`
 */
export function refuseBeyond(wait: number, cause: string): void {
  if (wait === 0) return;
  throw new ApiError(tooManyRequests, { headers: { 'retry-after': String(wait) }, cause });
}
