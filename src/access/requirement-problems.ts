import { isPlainObject } from '../validation/values.js';
import { placesOf, RouteParam, type TokenRequirement } from './requirement.js';

const OPTIONS = [
  ...['type', 'in', 'cookie', 'header', 'fresh', 'allowRotated', 'refreshCookie'],
  ...['scope', 'claims', 'override'],
];

/** Valid names of headers (RFC 9110, section 5.6.2) and cookies (RFC 6265, section 4.1.1). */
const NAME = /^[\w!#$%&'*+.^`|~-]+$/;

/**
 * Lists why a requirement is invalid: no token, or every token, would satisfy it. Each text
 * completes "@RequireToken() …".
 */
export function requirementErrors(
  requirement: TokenRequirement,
  paths: readonly string[],
): string[] {
  const unknown = Object.keys(requirement).filter((name) => !OPTIONS.includes(name));
  return [
    ...unknown.map((name) => `has the unknown option \`${name}\``),
    ...placeErrors(requirement),
    ...typeErrors(requirement),
    ...contentErrors(requirement, paths),
    ...overrideErrors(requirement, paths),
  ];
}

function placeErrors(requirement: TokenRequirement): string[] {
  const { in: given, cookie, header } = requirement;
  const places = placesOf(requirement);
  const unknown = places.filter((place) => place !== 'header' && place !== 'cookie');
  if (unknown.length > 0) return [`has an unknown place in \`in\`: "${unknown.join(', ')}"`];
  if (given !== undefined && places.length === 0)
    return ['names no place for the token: `in` is []'];
  if (header !== undefined) {
    if (!NAME.test(header)) return [`names the header "${header}", which is not a valid name`];
    if (header.toLowerCase() === 'authorization') {
      return ['names the header "authorization", which is the default; leave it out'];
    }
    if (!places.includes('header')) {
      return [`names the header "${header}", but \`in\` does not contain "header"`];
    }
  }
  const wanted = places.includes('cookie');
  const named = cookie !== undefined && NAME.test(cookie);
  if (wanted && !named) return ['reads a cookie without a valid name; set it in `cookie`'];
  if (!wanted && cookie !== undefined) {
    return [`names the cookie "${cookie}", but \`in\` does not contain "cookie"`];
  }
  return [];
}

function typeErrors(requirement: TokenRequirement): string[] {
  const { type, fresh, allowRotated, scope, claims, override } = requirement;
  const problems: string[] = [];
  if (requirement.refreshCookie && (type !== 'refresh' || placesOf(requirement).length > 0)) {
    problems.push(
      'reads the refresh cookie without `type: "refresh"`, or together with `in` or `header`',
    );
  }
  if (isPlainObject(claims) && 'type' in claims) {
    problems.push('requires the claim "type" in `claims`; use the option `type` instead');
  }
  if (type !== 'refresh') {
    if (allowRotated) problems.push('allows rotated access tokens, but only refresh tokens rotate');
    return problems;
  }
  if (fresh) problems.push('requires a fresh refresh token, but only access tokens are fresh');
  if (scope || override?.scope) {
    problems.push('requires a scope of a refresh token, but only access tokens have one');
  }
  return problems;
}

function contentErrors(
  { scope, claims }: Pick<TokenRequirement, 'scope' | 'claims'>,
  paths: readonly string[],
  prefix = '',
): string[] {
  return Object.entries({ scope, claims }).flatMap(([option, content]) => {
    const name = `\`${prefix}${option}\``;
    if (content === undefined) return [];
    if (!isPlainObject(content) || Object.keys(content).length === 0) {
      return [`has no condition in ${name}; leave it out`];
    }
    return [
      ...(isJson(content) ? [] : [`requires a value in ${name} that no token can have`]),
      ...paramsIn(content).flatMap((param) =>
        paths
          .filter((path) => !paramsOf(path).includes(param))
          .map((path) => `uses the parameter "${param}", which ${path} does not have`),
      ),
    ];
  });
}

function overrideErrors(
  { scope, claims, override }: TokenRequirement,
  paths: readonly string[],
): string[] {
  if (override === undefined) return [];
  const hasCondition = isPlainObject(override) && (override.scope ?? override.claims) !== undefined;
  if (!hasCondition) return ['has an `override` without a condition, which every token would meet'];
  if (scope === undefined && claims === undefined) {
    return ['has an `override`, but no `scope` or `claims` to override'];
  }
  return contentErrors(override, paths, 'override.');
}

/** Whether a token can contain the value: a JSON value, or a parameter in place of one. */
function isJson(value: unknown): boolean {
  if (value instanceof RouteParam || value === null) return true;
  if (Array.isArray(value)) return value.every(isJson);
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object') return typeof value === 'string' || typeof value === 'boolean';
  const prototype: unknown = Object.getPrototypeOf(value);
  // A `Set` or a `Map` has no properties to compare, so every token would meet it.
  return prototype === Object.prototype && Object.values(value).every(isJson);
}

/** The names of all route parameters in a requirement, at any depth. */
function paramsIn(value: unknown): string[] {
  if (value instanceof RouteParam) return [value.name];
  if (Array.isArray(value)) return value.flatMap(paramsIn);
  return isPlainObject(value) ? Object.values(value).flatMap(paramsIn) : [];
}

/**
 * The names of a path's parameters in the syntax of the router: `:id`, `:id(^\\d+)`, `:from-:to`,
 * `*`.
 */
function paramsOf(path: string): string[] {
  let plain = path.replaceAll('::', '');
  for (let before = ''; before !== plain;) {
    before = plain;
    plain = plain.replaceAll(/\([^()]*\)/g, '');
  }
  const names = [...plain.matchAll(/:(\w+)/g)].map(([, name]) => name!);
  return plain.includes('*') ? [...names, '*'] : names;
}
