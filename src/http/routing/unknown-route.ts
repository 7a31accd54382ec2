import type { FastifyInstance } from 'fastify';
import { ApiError, methodNotAllowed, notFound } from '../../errors/api-error.js';
import { acceptPatch } from '../json-body.js';
import { pathOf } from '../links.js';
import type { RouteMethods } from './route-methods.js';

/**
 * Answers requests that no route matches, before any body is read. If the path is known with another
 * method, `OPTIONS` is 204 and every other method 405, both with `Allow` (RFC 9110, sections 9.3.7
 * and 15.5.6). An unknown path is 404.
 */
export function answerUnknownRoutes(instance: FastifyInstance, routes: RouteMethods): void {
  instance.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) return done();
    const allowed = routes.of(pathOf(request));
    if (allowed.length === 0) return done(new ApiError(notFound));
    const headers = {
      allow: allowed.join(', '),
      ...(allowed.includes('PATCH') && acceptPatch),
    };
    if (request.method === 'OPTIONS') return void reply.headers(headers).status(204).send();
    done(new ApiError(methodNotAllowed, { headers }));
  });
}
