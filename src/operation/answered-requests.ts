import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { UnroutedRequests } from '../http/broken-request.js';
import { clientAddress } from '../http/client-address.js';
import type { Token } from '../tokens/token.js';

/**
 * A request that got its response, or whose client has closed the connection before. What Fastify
 * knows of it is null if the request was refused before Fastify has seen it. Observers may keep the
 * object, because the request with its body is not part of it.
 */
export interface AnsweredRequest {
  /** Milliseconds since 1970, at the end of the response. */
  time: number;
  method: string;
  /** The pattern of the route, such as `/api/users/:id`; null if no route matches. */
  route: string | null;
  url: string | null;
  status: number;
  /** Whether the connection was closed before the response had left the process. */
  aborted: boolean;
  /** Milliseconds from the head of the request to the end of the response. */
  duration: number;
  id: string | null;
  /** The `sub` of the token that was checked. */
  userId: string | null;
  /** The `sid` of the token that was checked. */
  sessionId: string | null;
  address: string | null;
}

export type RequestObserver = (answered: AnsweredRequest) => void;

/** Calls observers at the end of each request. */
export class AnsweredRequests implements UnroutedRequests {
  private readonly observers: RequestObserver[] = [];

  observe(observer: RequestObserver): void {
    this.observers.push(observer);
  }

  /** Watches the requests that reach a hook. */
  watchAll(instance: FastifyInstance): void {
    if (this.observers.length === 0) return;
    instance.addHook('onRequest', (request, reply, done) => {
      this.watch(request.raw, reply.raw, request);
      done();
    });
  }

  /** Not Fastify's `onResponse`, which is not called if the client hangs up. */
  watch(raw: IncomingMessage, response: ServerResponse, request: FastifyRequest | null): void {
    const start = performance.now();
    response.once('close', () => {
      const checked: (FastifyRequest & { token?: Token }) | null = request;
      const token = checked?.token;
      this.notify({
        time: Date.now(),
        method: raw.method ?? '',
        route: request?.routeOptions.url ?? null,
        url: request?.url ?? null,
        status: response.statusCode,
        aborted: !response.writableFinished,
        duration: performance.now() - start,
        id: request?.id ?? null,
        userId: token?.subject ?? null,
        sessionId: token?.sessionId ?? null,
        address: request === null ? null : clientAddress(request),
      });
    });
  }

  addBroken(status: number): void {
    this.notify({ ...BROKEN, time: Date.now(), status });
  }

  private notify(answered: AnsweredRequest): void {
    for (const observe of this.observers) observe(answered);
  }
}

const BROKEN = {
  method: 'invalid',
  route: null,
  url: null,
  aborted: false,
  duration: 0,
  id: null,
  userId: null,
  sessionId: null,
  address: null,
};
