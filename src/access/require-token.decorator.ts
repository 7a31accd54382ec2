import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { AppConfig } from '../config/app-config.js';
import type { TokenRequirement } from './requirement.js';
import type { Token } from '../tokens/token.js';

/** Decides from the settings who may use a route. */
export type AccessBySettings = (config: AppConfig) => RouteAccess;

export const REQUIREMENT = Symbol('token requirement');
export const PUBLIC = 'public';

/** The access of a route: public, or a requirement on its token. */
export type RouteAccess = TokenRequirement | typeof PUBLIC;

/** Makes a route, or all routes of a controller, public. Every other route requires a token. */
export const Public = () => setAccess(PUBLIC);

/**
 * Sets the token that a route, or every route of a controller, requires. The guard checks it, and
 * the OpenAPI document describes it. The requirement of a handler replaces that of its controller;
 * the two are not combined.
 */
export const RequireToken = (requirement: TokenRequirement = {}) => setAccess(requirement);

/**
 * Sets the access of a route that depends on a setting. The function gets the settings of the
 * application and returns `PUBLIC` or a requirement. It must return the same result each time.
 */
export const AccessBy = (decide: AccessBySettings) => setAccess(decide);

/** The token that the guard accepted. */
export const CurrentToken = createParamDecorator(
  (_: unknown, context: ExecutionContext): Token =>
    context.switchToHttp().getRequest<{ token: Token }>().token,
);

/** @throws Error if the target is decorated already: the result would depend on the order */
function setAccess(access: RouteAccess | AccessBySettings): ClassDecorator & MethodDecorator {
  return (target: object, key?: string | symbol, descriptor?: PropertyDescriptor) => {
    const decorated = (descriptor?.value ?? target) as object;
    if (Reflect.hasOwnMetadata(REQUIREMENT, decorated)) {
      const owner = (key === undefined ? target : target.constructor) as { name: string };
      const name = [owner.name, key].filter((part) => part !== undefined).map(String);
      throw new Error(
        `${name.join('.')}: use only one of @RequireToken(), @Public() and @AccessBy().`,
      );
    }
    Reflect.defineMetadata(REQUIREMENT, access, decorated);
  };
}
