import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AppConfig } from '../config/app-config.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** Returns the text before the path in `Location` and `Link`; see `prepareLinks`. */
    linkBase: (request: FastifyRequest) => string;
  }
}

/**
 * Decides what `Location` and `Link` start with. That is `PUBLIC_URL` if it is set. Otherwise it is
 * the host that the request names in development, and nothing in production: absolute-path
 * references (RFC 3986, section 4.2) cannot contain a forged `Host`.
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

/**
 * A reference to the created resource (RFC 9110, section 10.2.2): the path of the request, followed by
 * the id.
 */
export function locationOf(request: FastifyRequest, id: number): string {
  const { url } = request.routeOptions;
  // A request may spell a path in several ways, such as `/api/%73hips`.
  const path = url === undefined || url.includes(':') ? linkPath(request) : url;
  return `${request.server.linkBase(request)}${path}/${id}`;
}

/** Sets `Link` (RFC 8288) to a reference to the next page, if there is one. */
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
 * The path of the request, made safe for a link: two slashes at its beginning would name a host
 * (RFC 3986, section 4.2), and angle brackets or quotes would end the link.
 */
function linkPath(request: FastifyRequest): string {
  return pathOf(request)
    .replace(/^[/\\]+/, '/')
    .replaceAll(/[<>"]/g, encodeURIComponent);
}

/** The path of the request, without a query string and without the host in an absolute URL. */
export function pathOf({ url }: { url: string }): string {
  const path = url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?#]*/i, '');
  const end = path.search(/[?#]/);
  return (end === -1 ? path : path.slice(0, end)) || '/';
}

function originOf(request: FastifyRequest): string {
  const { localAddress = 'localhost', localPort } = request.raw.socket;
  // HTTP/1.0 clients may leave the host out.
  const host = request.host || `${localAddress}:${localPort}`;
  return `${request.protocol}://${host}`;
}

/** Documents the header of a 201 response. */
export const locationHeader = {
  Location: {
    description:
      'The created resource: a URI that starts with `PUBLIC_URL`, or an absolute path (RFC 3986, section 4.2).',
    required: true,
    schema: { type: 'string' as const, format: 'uri-reference' },
  },
};

/** Documents the header of a list. */
export const linkHeader = {
  Link: {
    description:
      'Only if more items follow: `<uri-reference>; rel="next"`, the next page. It is a URI that starts with `PUBLIC_URL`, or an absolute path (RFC 3986, section 4.2).',
    schema: { type: 'string' as const, pattern: '^<(https?://[^/]|/[^/]).*>; rel="next"$' },
  },
};
