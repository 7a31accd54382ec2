import type { FastifyReply, FastifyRequest } from 'fastify';

/** Answers `Location` with the absolute address of what was created (RFC 9110, section 10.2.2). */
export function setLocation(request: FastifyRequest, reply: FastifyReply, path: string): void {
  reply.header('location', origin(request) + path);
}

/** Answers `Link` (RFC 8288) with the address of the next page, where there is one. */
export function linkNext(
  request: FastifyRequest,
  reply: FastifyReply,
  { next }: { next: string | null },
): void {
  if (next === null) return;
  const query = new URLSearchParams(request.query as Record<string, string>);
  query.set('cursor', next);
  reply.header('link', `<${origin(request)}${pathOf(request)}?${query.toString()}>; rel="next"`);
}

/** The request's path, without its query string, and without the host that a target may begin with. */
export function pathOf({ url }: FastifyRequest): string {
  const path = url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?#]*/i, '');
  return path.split(/[?#]/, 1)[0] || '/';
}

function origin(request: FastifyRequest): string {
  const { localAddress = 'localhost', localPort } = request.raw.socket;
  // HTTP/1.0 clients may leave the host out.
  const host = request.host || `${localAddress}:${localPort}`;
  return `${request.protocol}://${host}`;
}

/** What documents the header of an answer 201. */
export const locationHeader = {
  Location: {
    description: 'The absolute address of what was created.',
    required: true,
    schema: { type: 'string' as const, format: 'uri' },
  },
};

/** What documents the header of a list. */
export const linkHeader = {
  Link: {
    description: 'Where more follow: `<…>; rel="next"`, the address of the next page.',
    schema: { type: 'string' as const, pattern: '^<https?://.+>; rel="next"$' },
  },
};
