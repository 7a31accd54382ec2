import type { FastifyReply, FastifyRequest } from 'fastify';
import { nextPage, type Page, type Row } from '../common/page.js';

/** Answers `Location` with the absolute address of what was created (RFC 9110, section 10.2.2). */
export function setLocation(request: FastifyRequest, reply: FastifyReply, path: string): void {
  reply.header('location', origin(request) + path);
}

/**
 * Answers `Link` (RFC 8288) where more follow, and gives the rows of this page.
 *
 * @param rows one row more than the page may hold, where there is one
 */
export function paginate<T extends Row>(
  request: FastifyRequest,
  reply: FastifyReply,
  page: Page,
  rows: T[],
): T[] {
  const next = nextPage(page, rows);
  if (next === null) return rows;
  reply.header('link', `<${origin(request)}${pathOf(request)}?${next}>; rel="next"`);
  return rows.slice(0, page.limit);
}

/** The request's path, without its query string. */
export function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '';
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
    schema: { type: 'string' as const, format: 'uri' },
  },
};
