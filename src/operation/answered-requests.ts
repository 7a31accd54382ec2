import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { UnroutedRequests } from '../http/broken-request.js';

/** A request that got its response, or whose client has closed the connection before. */
export interface AnsweredRequest {
  method: string;
  /** The pattern of the route, such as `/api/users/:id`; null if no route matches. */
  route: string | null;
  status: number;
  /** Whether the connection was closed before the response had left the process. */
  aborted: boolean;
  /** Milliseconds from the head of the request to the end of the response. */
  duration: number;
  /** Null if the request was refused before Fastify has seen it. */
  request: FastifyRequest | null;
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
      this.notify({
        method: raw.method ?? '',
        route: request?.routeOptions.url ?? null,
        status: response.statusCode,
        aborted: !response.writableFinished,
        duration: performance.now() - start,
        request,
      });
    });
  }

  addBroken(status: number): void {
    const unknown = { method: 'invalid', route: null, request: null };
    this.notify({ ...unknown, status, aborted: false, duration: 0 });
  }

  private notify(answered: AnsweredRequest): void {
    for (const observe of this.observers) observe(answered);
  }
}
