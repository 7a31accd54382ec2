import {
  applyDecorators,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
  type Type,
  UseInterceptors,
} from '@nestjs/common';
import { ApiCreatedResponse } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Observable, tap } from 'rxjs';
import { locationHeader, locationOf } from './links.js';

/**
 * For a handler that creates a resource and returns its representation. Sets `Location` to the path
 * of the request, followed by the `id` of the representation, and documents the response.
 */
export function Created(response: Type<{ id: number }>): MethodDecorator {
  return applyDecorators(
    UseInterceptors(new LocationInterceptor()),
    ApiCreatedResponse({ type: response, headers: locationHeader }),
  );
}

class LocationInterceptor implements NestInterceptor<{ id: number }> {
  intercept(context: ExecutionContext, next: CallHandler<{ id: number }>): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    return next.handle().pipe(
      tap(({ id }) => {
        // A repeated request with an `Idempotency-Key` gets the `Location` of the first one.
        if (!reply.hasHeader('location')) reply.header('location', locationOf(request, id));
      }),
    );
  }
}
