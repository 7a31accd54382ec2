import type { Socket } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { clientAddress } from './client-address.js';

/** Where a request comes from, for people to recognise it. */
export interface Client {
  /** What it says it is: at most 255 characters. */
  agent: string | null;
  ip: string | null;
  /** Aborts when the connection closes. It is not enumerable, so that no copy of the rest has it. */
  readonly signal?: AbortSignal;
  /** The request's id, as the response says it; left out where no request is behind it. */
  requestId?: string;
}

export function clientOf(request: FastifyRequest): Client {
  const agent = request.headers['user-agent']?.slice(0, 255) ?? null;
  const client = { agent, ip: clientAddress(request), requestId: request.id };
  const { socket } = request.raw;
  return Object.defineProperty(client, 'signal', { get: () => signalOf(socket) });
}

/** Where the request comes from. */
export const RequestClient = createParamDecorator((_: unknown, context: ExecutionContext): Client =>
  clientOf(context.switchToHttp().getRequest<FastifyRequest>()),
);

/** One for each connection, as its requests share its end. */
const signals = new WeakMap<Socket, AbortSignal>();

/** Made when it is first asked for: most requests never wait. */
function signalOf(socket: Socket): AbortSignal {
  const known = signals.get(socket);
  if (known) return known;
  const controller = new AbortController();
  if (socket.destroyed) controller.abort();
  else socket.once('close', () => controller.abort());
  signals.set(socket, controller.signal);
  return controller.signal;
}
