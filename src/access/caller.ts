import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ReadCaller } from '../database/select.js';
import { addressPath, clientAddress } from '../http/client-address.js';
import type { Token } from '../tokens/token.js';

/** The caller of a request, to whom its expensive reads count. */
export const RequestCaller = createParamDecorator(
  (_: unknown, context: ExecutionContext): ReadCaller => callerOf(context),
);

/** The subject of the token that the guard accepted, or the networks of a request without. */
export function callerOf(context: ExecutionContext): ReadCaller {
  const http = context.switchToHttp();
  let signal: AbortSignal | undefined;
  const { token } = http.getRequest<{ token?: Token }>();
  return {
    group: token
      ? `subject ${token.subject}`
      : addressPath(clientAddress(http.getRequest<FastifyRequest>())),
    // Made when it is first asked for, because most reads are cheap and never ask.
    get signal() {
      return (signal ??= hangUpSignal(http.getResponse<FastifyReply>()));
    },
  };
}

function hangUpSignal({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  if (raw.destroyed) controller.abort();
  else raw.once('close', () => controller.abort());
  return controller.signal;
}
