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
import { framesOf } from '../logging/escape-text.js';
import { isPlainObject } from '../validation/values.js';
import { clientAddress } from './client-address.js';
import { acceptPatch } from './json-body.js';

export interface ErrorAnswer {
  status: number;
  headers: Record<string, string>;
  /** JSON, unless the headers say otherwise. */
  body: unknown;
}

/** The maximum length of a reason in the log, because it may quote what a client sent. */
const MAX_REASON = 500;

/**
 * Turns the errors of handlers, guards and hooks into responses. It logs the reasons of 429, of 500
 * and above, and of refusals that concern credentials; other client errors are not logged.
 *
 * Requests that no hook sees are answered in `broken-request.ts`. `HealthController` sends its own
 * 503.
 */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  private readonly logger = new Logger(ErrorFilter.name);

  constructor(private readonly events: SecurityEventsService) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const isGone = reply.raw.destroyed;
    // A client that hangs up causes ECONNRESET itself. Refusals are logged even if it is gone.
    if (!(isGone && codeOf(error) === 'ECONNRESET')) this.record(error, request);
    if (reply.sent || isGone) return;
    const { status, headers, body } = this.answer(error);
    void reply
      .type('application/json; charset=utf-8')
      .headers(
        status === 415 && request.method === 'PATCH' ? { ...acceptPatch, ...headers } : headers,
      )
      .status(status)
      .send(status >= 500 && isPlainObject(body) ? { ...body, request_id: request.id } : body);
  }

  protected answer(error: unknown): ErrorAnswer {
    if (error instanceof ApiError) {
      return { status: error.kind.status, headers: error.headers, body: error.body };
    }
    // Errors of Nest and Fastify: their messages may contain versions and paths.
    const status = statusOf(error);
    return { status, headers: {}, body: errorBody(genericKind(status)) };
  }

  /** Logs the precise reason. The client only gets the kind of the error. */
  private record(error: unknown, request: FastifyRequest): void {
    const status = statusOf(error);
    const { code, logLevel } = error instanceof ApiError ? error.kind : genericKind(status);
    const reason = reasonOf(error).slice(0, MAX_REASON);
    const origin = describe(request);
    this.events.count('error', code);
    if (status === 429) {
      this.events.warn('rate_limited', reason, origin);
    } else if (status === 401 || status === 403 || logLevel !== undefined) {
      this.events.count('credentials_refused', code);
      this.logger[logLevel ?? 'debug'](`Refused (${code}): ${reason}; ${origin}`);
    } else if (status === 503) {
      this.events.warn('unavailable', reason, origin);
    } else if (status >= 500) {
      // Only the frames: an error of the database also contains the values of the statement.
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
  return error instanceof Error ? error.message : 'a value was thrown that is not an error';
}

/** Names the request by its route, and not by its path, which may be long and contain secrets. */
function describe(request: FastifyRequest): string {
  const { method, id, routeOptions } = request;
  return `${method} ${routeOptions.url ?? 'no route'}, request ${id}, from ${clientAddress(request)}`;
}
