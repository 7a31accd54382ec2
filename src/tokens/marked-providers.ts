import type { DiscoveryService } from '@nestjs/core';
import { StartError } from '../errors/start-error.js';

type Decorator = ReturnType<typeof DiscoveryService.createDecorator>;

/**
 * Returns the providers with a decorator that `DiscoveryService.createDecorator()` has made, in the
 * order of their modules.
 *
 * @param name of the decorator for clients of this function, such as `TokenHook`
 * @throws StartError if a provider is request-scoped, because there may be no request
 */
export function markedProviders<T>(
  discovery: DiscoveryService,
  decorator: Decorator,
  name: string,
): T[] {
  return discovery.getProviders({ metadataKey: decorator.KEY }).map((wrapper) => {
    if (wrapper.isDependencyTreeStatic()) return wrapper.instance as T;
    throw new StartError(`${wrapper.name}: a @${name}() cannot be request-scoped.`);
  });
}
