import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ReadCaller } from '../database/select.js';
import { addressPath, clientAddress } from '../http/client-address.js';
import type { Token } from '../tokens/token.js';

/** The caller of a request. Expensive reads are limited for each caller. */
export const RequestCaller = createParamDecorator(
  (_: unknown, context: ExecutionContext): ReadCaller => callerOf(context),
);

/** Identifies the caller by the subject of the accepted token, or else by address range. */
export function callerOf(context: ExecutionContext): ReadCaller {
  const http = context.switchToHttp();
  let signal: AbortSignal | undefined;
  const { token } = http.getRequest<{ token?: Token }>();
  return {
    group: token
      ? `subject ${token.subject}`
      : addressPath(clientAddress(http.getRequest<FastifyRequest>())),
    // Created on first use, because most reads are cheap and do not need it.
    get signal() {
      return (signal ??= disconnectSignal(http.getResponse<FastifyReply>()));
    },
  };
}

function disconnectSignal({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  if (raw.destroyed) controller.abort();
  else raw.once('close', () => controller.abort());
  return controller.signal;
}
