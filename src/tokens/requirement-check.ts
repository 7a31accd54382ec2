import { Injectable, type OnModuleInit } from '@nestjs/common';
import { MODULE_PATH, PATH_METADATA } from '@nestjs/common/internal';
import { DiscoveryService, MetadataScanner, ModulesContainer, Reflector } from '@nestjs/core';
import { StartError } from '../common/start-error.js';
import { isPlainObject } from '../common/values.js';
import { PUBLIC, REQUIREMENT, type RouteAccess } from './require-token.decorator.js';
import { placesOf, RouteParam, type TokenRequirement } from './requirement.js';

type Handler = (...args: unknown[]) => unknown;

/**
 * Looks at every requirement when the application starts: one that no token could ever meet, or
 * that any would, is a mistake, which must not wait for its first visitor.
 */
@Injectable()
export class RequirementCheck implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly reflector: Reflector,
    private readonly modules: ModulesContainer,
  ) {}

  /** @throws StartError with a sentence for each of them, which names the handler */
  onModuleInit(): void {
    const problems = this.routes().flatMap(({ name, paths, requirement }) =>
      problemsOf(requirement, paths).map((problem) => `${name}: @RequireToken() ${problem}.`),
    );
    if (problems.length > 0) throw new StartError(problems.join('\n'));
  }

  private routes() {
    return this.discovery.getControllers().flatMap(({ metatype, host }) => {
      if (!metatype) return [];
      const prototype = metatype.prototype as Record<string, Handler>;
      const prefix = host ? this.prefixOf(host.metatype) : '';
      return this.scanner.getAllMethodNames(prototype).flatMap((method) => {
        const handler = prototype[method]!;
        const paths = pathsOf(handler);
        const requirement = this.reflector.getAllAndOverride<RouteAccess | undefined>(REQUIREMENT, [
          handler,
          metatype,
        ]);
        if (paths.length === 0 || requirement === undefined || requirement === PUBLIC) return [];
        const full = pathsOf(metatype).flatMap((base) =>
          paths.map(
            (path) => `/${[prefix, base, path].join('/').split('/').filter(Boolean).join('/')}`,
          ),
        );
        return { name: `${metatype.name}.${method}`, paths: full, requirement };
      });
    });
  }

  /** What `RouterModule` puts before the paths of a module. */
  private prefixOf(module: object): string {
    const key = MODULE_PATH + this.modules.applicationId;
    return (Reflect.getMetadata(key, module) as string | undefined) ?? '';
  }
}

function pathsOf(decorated: object): string[] {
  return [(Reflect.getMetadata(PATH_METADATA, decorated) ?? []) as string | string[]].flat();
}

function problemsOf(requirement: TokenRequirement, paths: readonly string[]): string[] {
  return [
    ...problemsOfPlace(requirement),
    ...problemsOfType(requirement),
    ...problemsOfOverride(requirement),
    ...paramsIn([requirement.scope, requirement.claims, requirement.override]).flatMap((param) =>
      paths
        .filter((path) => !path.split('/').some((part) => isParam(part, param)))
        .map((path) => `asks for the parameter "${param}", which ${path} has not`),
    ),
  ];
}

function problemsOfPlace(requirement: TokenRequirement): string[] {
  const { in: given, cookie } = requirement;
  const places = placesOf(requirement);
  const unknown = places.filter((place) => place !== 'header' && place !== 'cookie');
  if (unknown.length > 0) return [`knows no place "${unknown.join(', ')}"`];
  if (given !== undefined && places.length === 0) return ['takes a token from nowhere: `in` is []'];
  const wanted = places.includes('cookie');
  // RFC 6265, section 4.1.1: a name is a token of HTTP.
  const named = cookie !== undefined && /^[\w!#$%&'*+.^`|~-]+$/.test(cookie);
  if (wanted && !named) return ['wants a cookie without a name; name it in `cookie`'];
  if (!wanted && cookie !== undefined) {
    return [`names the cookie "${cookie}" and never looks there; add it to \`in\``];
  }
  return [];
}

function problemsOfType({ type = 'access', fresh, scope }: TokenRequirement): string[] {
  if (type === 'access') return [];
  const problems: string[] = [];
  if (fresh) problems.push('wants a fresh refresh token, and only access tokens are fresh');
  if (scope) problems.push('wants a scope of a refresh token, and only access tokens have one');
  return problems;
}

function problemsOfOverride({ override }: TokenRequirement): string[] {
  if (!override) return [];
  const asked = [override.scope, override.claims].filter((each) => each !== undefined);
  const asksNothing = asked.every((each) => Object.keys(each).length === 0);
  return asksNothing ? ['has an `override` that asks nothing, so that everybody would pass'] : [];
}

/** The names of all parameters that a requirement is bound to, at any depth. */
function paramsIn(value: unknown): string[] {
  if (value instanceof RouteParam) return [value.name];
  if (Array.isArray(value)) return value.flatMap(paramsIn);
  return isPlainObject(value) ? Object.values(value).flatMap(paramsIn) : [];
}

/** `:id`, `:id(\\d+)` or `:id?`, also beside other text. */
function isParam(part: string, name: string): boolean {
  return [...part.matchAll(/:(\w+)/g)].some(([, found]) => found === name);
}
