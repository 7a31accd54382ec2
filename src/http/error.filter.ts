import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Logger,
} from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { ApiError, errorBody, genericKind } from '../common/api-error.js';

export interface ErrorAnswer {
  status: number;
  headers: Record<string, string>;
  /** JSON, unless the headers say otherwise. */
  body: unknown;
}

/** The one place where an error becomes an answer. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  private readonly logger = new Logger(ErrorFilter.name);

  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    // Answered already, or nobody is left to answer.
    if (reply.sent || reply.raw.destroyed) return;
    const { status, headers, body } = this.answer(error);
    void reply.type('application/json; charset=utf-8').headers(headers).status(status).send(body);
  }

  protected answer(error: unknown): ErrorAnswer {
    if (error instanceof ApiError) {
      if (error.kind.status >= 500) this.logger.warn(`${error.kind.code}: ${error.reason}`);
      return { status: error.kind.status, headers: error.headers, body: error.body };
    }
    // What Nest and Fastify refuse by themselves: their words may name versions and paths.
    const status = error instanceof HttpException ? error.getStatus() : 500;
    if (status >= 500) this.log(error);
    return { status, headers: {}, body: errorBody(genericKind(status)) };
  }

  /** The stack and no more: a database's error holds the values of the statement besides. */
  private log(error: unknown): void {
    if (error instanceof Error)
      this.logger.error(`A request failed: ${error.message}`, error.stack);
    else this.logger.error('A request failed');
  }
}
