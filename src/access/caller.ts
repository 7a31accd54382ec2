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
  const request = http.getRequest<FastifyRequest & { token?: Token }>();
  const { token } = request;
  return {
    mayLag: !token && !hasCredentials(request),
    group: token ? `subject ${token.subject}` : addressPath(clientAddress(request)),
    // Created on first use, because most reads are cheap and do not need it.
    get signal() {
      return (signal ??= disconnectSignal(http.getResponse<FastifyReply>()));
    },
  };
}

/**
 * Whether the request may belong to a session, which must see what it has written. Open routes do not
 * check a token, but a client that sends one reads its own writes.
 */
function hasCredentials({ headers }: FastifyRequest): boolean {
  return headers.authorization !== undefined || headers.cookie !== undefined;
}

function disconnectSignal({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  // An abort creates an exception, which takes as long as a read: none for a response that was sent.
  const abort = () => !raw.writableFinished && controller.abort();
  if (raw.destroyed) abort();
  else raw.once('close', abort);
  return controller.signal;
}
