import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AppConfig } from '../config/app-config.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** What stands before a path in `Location` and `Link`; see `prepareLinks`. */
    linkBase: (request: FastifyRequest) => string;
  }
}

/**
 * Decides what `Location` and `Link` start with: `PUBLIC_URL`; in development without it the host
 * that the request names; in production without it nothing, so that they are absolute-path
 * references (RFC 3986, section 4.2) that no forged `Host` gets into.
 */
export function prepareLinks(
  instance: FastifyInstance,
  config: Pick<AppConfig, 'web' | 'production'>,
): void {
  const fixed = config.web.publicUrl ?? '';
  instance.decorate('linkBase', linksNameHost(config) ? originOf : () => fixed);
}

/** Whether links hold the host that the request, or a trusted proxy, names. */
export function linksNameHost({ web, production }: Pick<AppConfig, 'web' | 'production'>): boolean {
  return web.publicUrl === null && !production;
}

/** Answers `Location` with a reference to what was created (RFC 9110, section 10.2.2). */
export function setLocation(request: FastifyRequest, reply: FastifyReply, path: string): void {
  reply.header('location', request.server.linkBase(request) + path);
}

/** Answers `Link` (RFC 8288) with a reference to the next page, where there is one. */
export function linkNext(
  request: FastifyRequest,
  reply: FastifyReply,
  { next }: { next: string | null },
): void {
  if (next === null) return;
  const query = new URLSearchParams(request.query as Record<string, string>);
  query.set('cursor', next);
  const target = `${request.server.linkBase(request)}${linkPath(request)}?${query.toString()}`;
  reply.header('link', `<${target}>; rel="next"`);
}

/**
 * The request's path as it can stand in a link: two slashes at its beginning would name a host (RFC
 * 3986, section 4.2), and angle brackets and quotes would end the link.
 */
function linkPath(request: FastifyRequest): string {
  return pathOf(request)
    .replace(/^[/\\]+/, '/')
    .replaceAll(/[<>"]/g, encodeURIComponent);
}

/** The request's path, without its query string, and without the host that a target may begin with. */
export function pathOf({ url }: FastifyRequest): string {
  const path = url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?#]*/i, '');
  return path.split(/[?#]/, 1)[0] || '/';
}

function originOf(request: FastifyRequest): string {
  const { localAddress = 'localhost', localPort } = request.raw.socket;
  // HTTP/1.0 clients may leave the host out.
  const host = request.host || `${localAddress}:${localPort}`;
  return `${request.protocol}://${host}`;
}

/** What documents the header of an answer 201. */
export const locationHeader = {
  Location: {
    description:
      'What was created: a URI that starts with `PUBLIC_URL`, or an absolute path (RFC 3986, section 4.2).',
    required: true,
    schema: { type: 'string' as const, format: 'uri-reference' },
  },
};

/** What documents the header of a list. */
export const linkHeader = {
  Link: {
    description:
      'Where more follow: `<uri-reference>; rel="next"`, the next page: a URI that starts with `PUBLIC_URL`, or an absolute path (RFC 3986, section 4.2).',
    schema: { type: 'string' as const, pattern: '^<(https?://[^/]|/[^/]).*>; rel="next"$' },
  },
};
