import type { FastifyInstance } from 'fastify';
import findMyWay, { type HTTPMethod } from 'find-my-way';
import { ApiError, methodNotAllowed, notFound } from '../common/api-error.js';
import { parseId } from '../common/resource-id.js';
import { pathOf } from './links.js';

/**
 * Answers what no route matches, before any body is read: 405 with `Allow` where the path is
 * known with another verb (RFC 9110, section 15.5.6), else 404. Fastify tells neither which verbs
 * a path has nor whether it has any, so that a second router of the same kind remembers them.
 */
export function answerUnknownRoutes(instance: FastifyInstance): void {
  const router = findMyWay();
  const methods = new Set<HTTPMethod>();
  instance.addHook('onRoute', ({ method, url }) => {
    // What takes the preflights of CORS is no path.
    if (url === '*') return;
    for (const each of [method].flat() as HTTPMethod[]) {
      methods.add(each);
      if (!router.hasRoute(each, url)) router.on(each, url, () => undefined);
    }
  });
  instance.addHook('onRequest', (request, _reply, done) => {
    if (!request.is404) return done();
    const path = pathOf(request);
    const allowed = [...methods].filter((method) => {
      const found = router.find(method, path);
      const { id } = found?.params ?? {};
      // An empty parameter names nothing, and no more does an id that is no number.
      const named = Object.values(found?.params ?? {}).every((value) => value !== '');
      return found && named && (id === undefined || parseId(id) !== null);
    });
    if (allowed.length === 0) return done(new ApiError(notFound));
    done(new ApiError(methodNotAllowed, { headers: { allow: allowed.join(', ') } }));
  });
}
