import {
  type CanActivate,
  type ExecutionContext,
  Injectable,
  type OnModuleInit,
} from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type EndTurn, FairQueue } from '../scheduling/fair-queue.js';
import { SharedCounter } from '../workers/shared-counter.js';
import { AppConfig } from '../config/app-config.js';
import { addressRange, clientAddress } from '../http/client-address.js';
import { callerOf } from '../access/caller.js';
import { RouteRequirementsService } from '../access/route-requirements.service.js';
import type { Token } from '../tokens/token.js';
import { MAX_COUNTED, refuseBeyond } from './user-rate-limit.guard.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Ends the turn of a request that may write; null if it has none. */
    endTurn: EndTurn | null;
  }
}

const MINUTE = 60_000;
/** The maximum number of requests that may write and run at once, and so use the database. */
const MAX_RUNNING = 64;
/** The maximum for one group. On PostgreSQL it leaves two of the pool's connections to others. */
const MAX_RUNNING_PER_GROUP = { sqlite: 32, postgres: 8 };
const MAX_QUEUED = 2000;
/** The maximum number of queued requests of one group. */
export const MAX_QUEUED_PER_GROUP = 240;
const RETRY_AFTER = 1;
/**
 * Maximum requests per minute to routes exempt from `USER_RATE_LIMIT`, by session and address
 * range. If `USER_RATE_LIMIT` is 0, they are not limited either.
 */
export const MAX_EXEMPT_PER_MINUTE = 300;

/**
 * Limits the running requests that have a token and may write, and lets groups of them take turns.
 * Requests are queued by user. Refreshes, logouts and other requests to `@NotRateLimited()` routes
 * are queued by session and address range, so that another session of the same user cannot block
 * them.
 *
 * Requests without a token are not counted here: the queue for password hashes bounds them.
 *
 * An interceptor could do the same, but then every read would pay for it.
 */
@Injectable()
export class WriteQueueGuard implements CanActivate, OnModuleInit {
  private readonly queue: FairQueue;
  private readonly counter = new SharedCounter('exempt requests', {
    max: MAX_EXEMPT_PER_MINUTE,
    window: MINUTE,
    maxKeys: MAX_COUNTED,
  });
  /** The handlers that may write, and whether `USER_RATE_LIMIT` counts their requests. */
  private handlers: ReadonlyMap<object, boolean> = new Map();

  constructor(
    private readonly config: AppConfig,
    private readonly routes: RouteRequirementsService,
  ) {
    this.queue = new FairQueue({
      concurrency: MAX_RUNNING,
      maxRunningPerGroup: MAX_RUNNING_PER_GROUP[config.database.engine],
      maxQueued: MAX_QUEUED,
      maxQueuedPerKey: MAX_QUEUED_PER_GROUP,
      retryAfter: RETRY_AFTER,
    });
  }

  /** The numbers of running and queued requests. */
  get load(): Pick<FairQueue, 'running' | 'queued'> {
    return this.queue;
  }

  onModuleInit(): void {
    const writes = this.routes.list().filter(({ writes }) => writes);
    this.handlers = new Map(writes.map(({ handler, rateLimited }) => [handler, rateLimited]));
  }

  /** @throws ApiError `too_many_requests`, or 503 if too many requests of all groups are queued */
  canActivate(context: ExecutionContext): true | Promise<true> {
    const rateLimited = this.handlers.get(context.getHandler());
    if (rateLimited === undefined) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest & { token?: Token }>();
    // Without `endTurns`, nothing would end the turn.
    if (!request.token || request.endTurn !== null) return true;
    if (!rateLimited) return this.enterExempt(exemptGroupOf(request.token, request), request);
    const caller = callerOf(context);
    return this.enter(
      this.queue.enter({ group: caller.group }, () => caller.signal),
      request,
    );
  }

  private async enterExempt(group: string, request: FastifyRequest): Promise<true> {
    if (this.config.limits.userRateLimit > 0) {
      refuseBeyond(await this.counter.take(group), 'refreshes and ends of sessions');
    }
    // A client that hangs up after it has asked to end a session still wants it to end.
    return this.enter(this.queue.enter({ group }), request);
  }

  private enter(turn: EndTurn | Promise<EndTurn>, request: FastifyRequest): true | Promise<true> {
    if (turn instanceof Promise) return turn.then((endTurn) => this.enter(endTurn, request));
    request.endTurn = turn;
    return true;
  }
}

/** Ends the turn of each request when its handler has ended, also if a guard or a pipe has refused it. */
export function endTurns(instance: FastifyInstance): void {
  instance.decorateRequest('endTurn', null);
  instance.addHook('onRoute', (route) => {
    if ([route.method].flat().every((method) => method === 'GET' || method === 'HEAD')) return;
    const { handler } = route;
    route.handler = async function (request, reply) {
      try {
        return await handler.call(this, request, reply);
      } finally {
        request.endTurn?.();
      }
    };
  });
}

function exemptGroupOf({ subject, sessionId }: Token, request: FastifyRequest): string {
  const session = sessionId === null ? `sessionless ${subject}` : `session ${sessionId}`;
  return `${session} in ${addressRange(clientAddress(request))}`;
}
