import { Injectable, type OnModuleInit, RequestMethod } from '@nestjs/common';
import { METHOD_METADATA, MODULE_PATH, PATH_METADATA } from '@nestjs/common/internal';
import { DiscoveryService, MetadataScanner, ModulesContainer, Reflector } from '@nestjs/core';
import { StartError } from '../errors/start-error.js';
import { AppConfig } from '../config/app-config.js';
import { isRateLimited, mayWrite } from './not-rate-limited.decorator.js';
import {
  type AccessBySettings,
  PUBLIC,
  REQUIREMENT,
  type RouteAccess,
} from './require-token.decorator.js';
import type { TokenRequirement } from './requirement.js';
import { requirementErrors } from './requirement-problems.js';

type Target = Parameters<Reflector['getAllAndOverride']>[1][number];

/** A route and what its decorators say about access. */
export interface DeclaredRoute {
  /** The names of the controller and the handler, such as `UsersController.create`. */
  name: string;
  /** The path patterns of the router, such as `/api/users/:id`. */
  paths: string[];
  /** The HTTP method in upper case; `ALL` for any. */
  method: string;
  /** The access of the handler, or else that of its controller. */
  access: RouteAccess;
  handler: object;
  /** Whether its requests may change something. */
  writes: boolean;
  /** Whether its requests count towards `USER_RATE_LIMIT`. */
  rateLimited: boolean;
}

/** A route that is not public. */
export interface RouteRequirement extends Omit<DeclaredRoute, 'access'> {
  requirement: TokenRequirement;
}

/**
 * Lists the requirements of all routes that are not public, and refuses invalid ones at start-up.
 */
@Injectable()
export class RouteRequirementsService implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly reflector: Reflector,
    private readonly modules: ModulesContainer,
    private readonly config: AppConfig,
  ) {}

  /**
   * A requirement that no token, or every token, would satisfy fails at start-up.
   *
   * @throws StartError whose message names each such handler
   */
  onModuleInit(): void {
    const problems = this.list().flatMap(({ name, paths, requirement }) =>
      requirementErrors(requirement, paths).map(
        (problem) => `${name}: @RequireToken() ${problem}.`,
      ),
    );
    if (problems.length > 0) throw new StartError(problems.join('\n'));
  }

  /** The routes that are not public. */
  list(): RouteRequirement[] {
    return this.routes().flatMap(({ access, ...route }) =>
      access === PUBLIC ? [] : [{ ...route, requirement: access }],
    );
  }

  /** All routes of controllers. */
  routes(): DeclaredRoute[] {
    return this.discovery.getControllers().flatMap(({ metatype, host }) => {
      if (!metatype) return [];
      const prototype = metatype.prototype as Record<string, Target>;
      const prefix = host ? this.prefixOf(host.metatype) : '';
      return this.scanner.getAllMethodNames(prototype).flatMap((name) => {
        const handler = prototype[name]!;
        const paths = pathsOf(metatype).flatMap((base) =>
          pathsOf(handler).map((path) => joinPaths(prefix, base, path)),
        );
        if (paths.length === 0) return [];
        const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod;
        return {
          name: `${metatype.name}.${name}`,
          paths,
          method: RequestMethod[method],
          access: requirementOf(this.reflector, [handler, metatype], this.config),
          handler,
          writes: mayWrite(handler),
          rateLimited: isRateLimited(handler),
        };
      });
    });
  }

  /** The path prefix that `RouterModule` gives a module. */
  private prefixOf(module: object): string {
    const key = MODULE_PATH + this.modules.applicationId;
    return (Reflect.getMetadata(key, module) as string | undefined) ?? '';
  }
}

/** What the decorators of a route require. Without a decorator, it requires an access token. */
export function requirementOf(
  reflector: Reflector,
  [handler, controller]: [Target, Target],
  config: AppConfig,
): RouteAccess {
  const declared = reflector.getAllAndOverride<RouteAccess | AccessBySettings | undefined>(
    REQUIREMENT,
    [handler, controller],
  );
  return (typeof declared === 'function' ? declared(config) : declared) ?? {};
}

function pathsOf(decorated: object): string[] {
  return [(Reflect.getMetadata(PATH_METADATA, decorated) ?? []) as string | string[]].flat();
}

function joinPaths(...parts: string[]): string {
  return `/${parts.join('/').split('/').filter(Boolean).join('/')}`;
}
