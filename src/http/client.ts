import type { FastifyRequest } from 'fastify';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { clientAddress } from './client-address.js';

/** Where a request comes from, for people to recognise it. */
export interface Client {
  /** What it says it is: at most 255 characters. */
  agent: string | null;
  ip: string | null;
  /** The request's id, as the response says it; left out where no request is behind it. */
  requestId?: string;
}

export function clientOf(request: FastifyRequest): Client {
  const agent = request.headers['user-agent']?.slice(0, 255) ?? null;
  return { agent, ip: clientAddress(request), requestId: request.id };
}

/** Where the request comes from. */
export const RequestClient = createParamDecorator((_: unknown, context: ExecutionContext): Client =>
  clientOf(context.switchToHttp().getRequest<FastifyRequest>()),
);
