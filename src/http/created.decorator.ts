import { applyDecorators, type Type } from '@nestjs/common';
import { ApiCreatedResponse } from '@nestjs/swagger';
import { AfterHandler } from './after-handler.decorator.js';
import { locationHeader, locationOf } from './links.js';

/**
 * For a handler that creates a resource and returns its representation. Sets `Location` to the path
 * of the request, followed by the `id` of the representation, and documents the response.
 */
export function Created(response: Type<{ id: number }>): MethodDecorator {
  return applyDecorators(
    AfterHandler<{ id: number }>((created, reply) => {
      // A repeated request with an `Idempotency-Key` gets the `Location` of the first one.
      if (!reply.hasHeader('location')) {
        void reply.header('location', locationOf(reply.request, created.id));
      }
      return created;
    }),
    ApiCreatedResponse({ type: response, headers: locationHeader }),
  );
}
