import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { AppConfig } from '../../config/app-config.js';
import { pathOf } from '../links.js';
import { REQUEST_ID_HEADER } from '../request-id.js';
import type { RouteMethods } from './route-methods.js';
import { addVary } from '../vary.js';

/** The request headers that belong to no single route. */
const REQUEST_HEADERS = ['authorization', 'content-type', REQUEST_ID_HEADER];

/** The response headers that scripts of other origins may read. */
const RESPONSE_HEADERS = [
  ...['link', 'location', 'etag', 'idempotent-replayed', 'retry-after', 'www-authenticate'],
  REQUEST_ID_HEADER,
];

/** Seconds that a browser may remember the answer to a preflight. */
const MAX_AGE = '600';

type CorsSettings = Pick<AppConfig, 'corsOrigins' | 'tokenCookies'>;

/**
 * Lets pages of the origins in `CORS_ORIGINS` read responses (Fetch standard, section 3.3). A
 * preflight gets the methods of its path. Preflights of other origins or for unknown paths are
 * answered like any other `OPTIONS` request, without CORS headers.
 *
 * @param declaredHeaders returns further request headers; called when all routes are registered
 */
export function allowOrigins(
  instance: FastifyInstance,
  { corsOrigins, tokenCookies }: CorsSettings,
  routes: RouteMethods,
  declaredHeaders: () => readonly string[],
): void {
  if (corsOrigins.length === 0) return;
  let requestHeaders = listOf(REQUEST_HEADERS);
  instance.addHook('onReady', (done) => {
    requestHeaders = listOf([...REQUEST_HEADERS, ...declaredHeaders()]);
    done();
  });
  const permission = (origin: string) => ({
    'access-control-allow-origin': origin,
    'access-control-expose-headers': listOf(RESPONSE_HEADERS),
    // Only needed for cookies, which browsers send by themselves.
    ...(tokenCookies && { 'access-control-allow-credentials': 'true' }),
  });
  const permissions = new Map(corsOrigins.map((origin) => [origin, permission(origin)]));

  instance.addHook('onSend', (request, reply, _payload, done) => {
    addVary(reply, 'Origin');
    const granted = permissions.get(request.headers.origin ?? '');
    if (granted) reply.headers(granted);
    done();
  });
  instance.addHook('onRequest', (request, reply, done) => {
    if (!isPreflight(request) || !permissions.has(request.headers.origin ?? '')) return done();
    const methods = routes.of(pathOf(request)).join(', ');
    if (methods === '') return done();
    const headers = {
      allow: methods,
      'access-control-allow-methods': methods,
      'access-control-allow-headers': requestHeaders,
      'access-control-max-age': MAX_AGE,
    };
    void reply.headers(headers).status(204).send();
  });
}

/** Fetch standard, section 3.3.2. */
function isPreflight({ method, headers }: FastifyRequest): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
}

function listOf(names: readonly string[]): string {
  return [...new Set(names.map((name) => name.toLowerCase()))].sort().join(', ');
}
