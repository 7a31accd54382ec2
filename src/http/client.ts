import type { Socket } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { clientAddress } from './client-address.js';

/** The origin of a request, in a form that people recognise. */
export interface Client {
  /** At most 255 characters of `User-Agent`. */
  agent: string | null;
  ip: string | null;
  /** Aborts when the connection closes. It is not enumerable, so that copies do not contain it. */
  readonly signal?: AbortSignal;
  /** The id of the request, as in the response; absent if there is no request. */
  requestId?: string;
}

export function clientOf(request: FastifyRequest): Client {
  const agent = request.headers['user-agent']?.slice(0, 255) ?? null;
  const client = { agent, ip: clientAddress(request), requestId: request.id };
  const { socket } = request.raw;
  return Object.defineProperty(client, 'signal', { get: () => signalOf(socket) });
}

/** Injects the origin of the request into a handler. */
export const RequestClient = createParamDecorator((_: unknown, context: ExecutionContext): Client =>
  clientOf(context.switchToHttp().getRequest<FastifyRequest>()),
);

/** One signal for each connection, which all its requests share. */
const signals = new WeakMap<Socket, AbortSignal>();

/** Creates the signal on demand, because most requests never wait. */
function signalOf(socket: Socket): AbortSignal {
  const known = signals.get(socket);
  if (known) return known;
  const controller = new AbortController();
  if (socket.destroyed) controller.abort();
  else socket.once('close', () => controller.abort());
  signals.set(socket, controller.signal);
  return controller.signal;
}
