import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { AppConfig } from '../config/app-config.js';
import type { TokenRequirement } from './requirement.js';
import type { Token } from '../tokens/token.js';

/** Decides at start, from the settings. */
export type AccessBySettings = (config: AppConfig) => RouteAccess;

export const REQUIREMENT = Symbol('token requirement');
export const PUBLIC = 'public';

/** What the guard reads: a requirement, or that there is none. */
export type RouteAccess = TokenRequirement | typeof PUBLIC;

/** Opens a route, or all of a controller, to everybody. Without it every route asks for a token. */
export const Public = () => setAccess(PUBLIC);

/**
 * Says who may use a route, or all routes of a controller, to the guard and to the OpenAPI
 * document. What stands on a handler replaces what stands on its controller, and adds nothing to
 * it.
 */
export const RequireToken = (requirement: TokenRequirement = {}) => setAccess(requirement);

/**
 * For a route that a setting opens or closes: the function gives `PUBLIC` or a requirement. It is
 * called with the settings of the application, and has to give the same each time.
 */
export const AccessBy = (decide: AccessBySettings) => setAccess(decide);

/** The token that the guard let in. */
export const CurrentToken = createParamDecorator(
  (_: unknown, context: ExecutionContext): Token =>
    context.switchToHttp().getRequest<{ token: Token }>().token,
);

/** @throws Error where there is one already: which of them counts would depend on their order */
function setAccess(access: RouteAccess | AccessBySettings): ClassDecorator & MethodDecorator {
  return (target: object, key?: string | symbol, descriptor?: PropertyDescriptor) => {
    const decorated = (descriptor?.value ?? target) as object;
    if (Reflect.hasOwnMetadata(REQUIREMENT, decorated)) {
      const owner = (key === undefined ? target : target.constructor) as { name: string };
      const name = [owner.name, key].filter((part) => part !== undefined).map(String);
      throw new Error(`${name.join('.')}: one of @RequireToken() and @Public() is enough.`);
    }
    Reflect.defineMetadata(REQUIREMENT, access, decorated);
  };
}
