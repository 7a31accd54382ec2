import { Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

type Handler = (...parameters: unknown[]) => unknown;

/**
 * Changes what a handler returns before any interceptor gets it. An interceptor would do the same, but
 * it takes a tenth of the time of a list.
 *
 * @param change gets what the handler returns, or what its promise resolves to
 */
export function AfterHandler<Result>(
  change: (result: Result, reply: FastifyReply) => unknown,
): MethodDecorator {
  return (controller, name, descriptor) => {
    const handler = descriptor.value as Handler;
    const types = Reflect.getMetadata('design:paramtypes', controller, name) as
      unknown[] | undefined;
    // The handler gets the response as one more parameter, which it does not see.
    const index = types?.length ?? handler.length;
    Res({ passthrough: true })(controller, name, index);
    const changed = async function (this: unknown, ...parameters: unknown[]): Promise<unknown> {
      const result = (await handler.apply(this, parameters)) as Result;
      const reply = parameters[index] as FastifyReply | undefined;
      // Without a request, a test calls the method.
      return reply ? change(result, reply) : result;
    };
    copyMetadata(handler, changed);
    descriptor.value = changed as never;
  };
}

/** Decorators that have run store what they say with the function. */
function copyMetadata(from: Handler, to: Handler): void {
  Object.defineProperty(to, 'name', { value: from.name });
  for (const key of Reflect.getMetadataKeys(from) as unknown[]) {
    Reflect.defineMetadata(key, Reflect.getMetadata(key, from), to);
  }
}
