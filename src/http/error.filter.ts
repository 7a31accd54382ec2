import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Logger,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiError, errorBody, genericKind } from '../errors/api-error.js';
import { SecurityEventsService } from '../logging/security-events.service.js';
import { framesOf } from '../logging/service-logger.js';
import { isPlainObject } from '../validation/values.js';
import { clientAddress } from './client-address.js';

export interface ErrorAnswer {
  status: number;
  headers: Record<string, string>;
  /** JSON, unless the headers say otherwise. */
  body: unknown;
}

/** Characters of a reason that the log shows: it may quote what a client sent. */
const MAX_REASON = 500;

/** The one place where an error becomes an answer, and where the log learns its reason. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  private readonly logger = new Logger(ErrorFilter.name);

  constructor(private readonly events: SecurityEventsService) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const isGone = reply.raw.destroyed;
    // A client that hangs up breaks its own request; one that was refused leaves its trace.
    if (!(isGone && codeOf(error) === 'ECONNRESET')) this.record(error, request);
    if (reply.sent || isGone) return;
    const { status, headers, body } = this.answer(error);
    void reply
      .type('application/json; charset=utf-8')
      .headers(headers)
      .status(status)
      .send(status >= 500 && isPlainObject(body) ? { ...body, request_id: request.id } : body);
  }

  protected answer(error: unknown): ErrorAnswer {
    if (error instanceof ApiError) {
      return { status: error.kind.status, headers: error.headers, body: error.body };
    }
    // What Nest and Fastify refuse by themselves: their words may name versions and paths.
    const status = statusOf(error);
    return { status, headers: {}, body: errorBody(genericKind(status)) };
  }

  /** Writes the precise reason to the log, of which the client gets the kind alone. */
  private record(error: unknown, request: FastifyRequest): void {
    const status = statusOf(error);
    const { code, logLevel } = error instanceof ApiError ? error.kind : genericKind(status);
    const reason = reasonOf(error).slice(0, MAX_REASON);
    const origin = describe(request);
    if (status === 429) {
      this.events.warn('rate_limited', reason, origin);
    } else if (status === 401 || status === 403 || logLevel !== undefined) {
      this.events.count('credentials_refused', code);
      this.logger[logLevel ?? 'debug'](`Refused (${code}): ${reason}; ${origin}`);
    } else if (status === 503) {
      this.events.warn('unavailable', reason, origin);
    } else if (status >= 500) {
      // The frames and no more: a database's error holds the values of the statement besides.
      const frames = error instanceof Error ? framesOf(error) : '';
      this.logger.error(`A request failed: ${reason}; ${origin}`, frames);
    }
  }
}

function statusOf(error: unknown): number {
  return error instanceof HttpException ? error.getStatus() : 500;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function reasonOf(error: unknown): string {
  if (error instanceof ApiError) return error.reason;
  return error instanceof Error ? error.message : 'no error was thrown, but another value';
}

/** Which request it was: its route rather than its path, which may be long and hold secrets. */
function describe(request: FastifyRequest): string {
  const { method, id, routeOptions } = request;
  return `${method} ${routeOptions.url ?? 'no route'}, request ${id}, from ${clientAddress(request)}`;
}
