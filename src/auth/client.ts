import type { FastifyRequest } from 'fastify';
import { clientAddress } from '../http/client-address.js';
import type { NewSession } from '../tokens/session.repository.js';

/** Where a login comes from, for the owner of the session to recognise it. */
export type Client = Pick<NewSession, 'agent' | 'ip'>;

export function clientOf(request: FastifyRequest): Client {
  const agent = request.headers['user-agent']?.slice(0, 255) ?? null;
  return { agent, ip: clientAddress(request) };
}
