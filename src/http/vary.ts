import type { FastifyReply } from 'fastify';

/** Adds a name to the header `Vary`, which may already be set (RFC 9110, section 12.5.5). */
export function addVary(reply: FastifyReply, name: string): void {
  const set = [reply.getHeader('vary') ?? []].flat();
  void reply.header('vary', [...set, name].join(', '));
}
