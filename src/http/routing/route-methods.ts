import type { FastifyInstance } from 'fastify';
import findMyWay, { type HTTPMethod } from 'find-my-way';
import { parseId } from '../resource-id.js';

/**
 * Looks up the methods of a path in a second router with the same routes, because Fastify does not
 * provide them. Only routes that are registered after this object was created are in that router.
 */
export class RouteMethods {
  private readonly router = findMyWay();
  private readonly methods = new Set<HTTPMethod>();

  constructor(instance: FastifyInstance) {
    instance.addHook('onRoute', ({ method, url }) => {
      for (const each of [method].flat() as HTTPMethod[]) this.add(each, url);
    });
  }

  /**
   * The methods of a path for `Allow` (RFC 9110, section 10.2.1), always with `OPTIONS`; empty for
   * an unknown path.
   *
   * @param path without its query string
   */
  of(path: string): readonly string[] {
    const found = [...this.methods].filter((method) => this.has(method, path));
    if (found.length === 0 || found.includes('OPTIONS')) return found;
    return [...found, 'OPTIONS'];
  }

  private add(method: HTTPMethod, url: string): void {
    this.methods.add(method);
    if (!this.router.hasRoute(method, url)) this.router.on(method, url, () => undefined);
  }

  private has(method: HTTPMethod, path: string): boolean {
    const found = this.router.find(method, path);
    if (!found) return false;
    const { id } = found.params;
    // An empty parameter matches nothing, and neither does an id that is not a number.
    const isNamed = Object.values(found.params).every((value) => value !== '');
    return isNamed && (id === undefined || parseId(id) !== null);
  }
}
