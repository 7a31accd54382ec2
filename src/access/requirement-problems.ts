import { isPlainObject } from '../validation/values.js';
import { placesOf, RouteParam, type TokenRequirement } from './requirement.js';

const OPTIONS = [
  ...['type', 'in', 'cookie', 'header', 'fresh', 'allowRotated', 'refreshCookie'],
  ...['scope', 'claims', 'override'],
];

/** RFC 9110, section 5.6.2, and RFC 6265, section 4.1.1: the names of headers and cookies. */
const NAME = /^[\w!#$%&'*+.^`|~-]+$/;

/**
 * Lists why a requirement is invalid: no token, or every token, would satisfy it. Each text completes
 * "@RequireToken() …".
 */
export function requirementErrors(
  requirement: TokenRequirement,
  paths: readonly string[],
): string[] {
  const unknown = Object.keys(requirement).filter((name) => !OPTIONS.includes(name));
  return [
    ...unknown.map((name) => `knows no option \`${name}\``),
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
  if (unknown.length > 0) return [`knows no place "${unknown.join(', ')}"`];
  if (given !== undefined && places.length === 0) return ['takes a token from nowhere: `in` is []'];
  if (header !== undefined) {
    if (!NAME.test(header)) return [`wants a header called "${header}", which none can be`];
    if (header.toLowerCase() === 'authorization') {
      return ['names the header "authorization", where tokens are looked for anyway; leave it out'];
    }
    if (!places.includes('header')) {
      return [`names the header "${header}" and never looks there; add it to \`in\``];
    }
  }
  const wanted = places.includes('cookie');
  const named = cookie !== undefined && NAME.test(cookie);
  if (wanted && !named) return ['wants a cookie without a name; name it in `cookie`'];
  if (!wanted && cookie !== undefined) {
    return [`names the cookie "${cookie}" and never looks there; add it to \`in\``];
  }
  return [];
}

function typeErrors(requirement: TokenRequirement): string[] {
  const { type, fresh, allowRotated, scope, claims, override } = requirement;
  const problems: string[] = [];
  if (requirement.refreshCookie && (type !== 'refresh' || placesOf(requirement).length > 0)) {
    problems.push('reads the refresh cookie without `type: "refresh"`, or beside `in` or `header`');
  }
  if (isPlainObject(claims) && 'type' in claims) {
    problems.push('asks for the claim "type" among `claims`; ask for it by `type`');
  }
  if (type !== 'refresh') {
    if (allowRotated) problems.push('allows rotated access tokens, and only refresh tokens rotate');
    return problems;
  }
  if (fresh) problems.push('wants a fresh refresh token, and only access tokens are fresh');
  if (scope || override?.scope) {
    problems.push('wants a scope of a refresh token, and only access tokens have one');
  }
  return problems;
}

function contentErrors(
  { scope, claims }: Pick<TokenRequirement, 'scope' | 'claims'>,
  paths: readonly string[],
  where = '',
): string[] {
  return Object.entries({ scope, claims }).flatMap(([option, content]) => {
    const name = `\`${where}${option}\``;
    if (content === undefined) return [];
    if (!isPlainObject(content) || Object.keys(content).length === 0) {
      return [`asks nothing by ${name}; leave it out`];
    }
    return [
      ...(isJson(content) ? [] : [`asks for a value in ${name} that no token can hold`]),
      ...paramsIn(content).flatMap((param) =>
        paths
          .filter((path) => !paramsOf(path).includes(param))
          .map((path) => `asks for the parameter "${param}", which ${path} has not`),
      ),
    ];
  });
}

function overrideErrors(
  { scope, claims, override }: TokenRequirement,
  paths: readonly string[],
): string[] {
  if (override === undefined) return [];
  const asks = isPlainObject(override) && (override.scope ?? override.claims) !== undefined;
  if (!asks) return ['has an `override` that asks nothing, so that everybody would pass'];
  if (scope === undefined && claims === undefined) {
    return ['has an `override` and nothing that it would override'];
  }
  return contentErrors(override, paths, 'override.');
}

/** Whether a token could hold it: what JSON can say, or a parameter in its place. */
function isJson(value: unknown): boolean {
  if (value instanceof RouteParam || value === null) return true;
  if (Array.isArray(value)) return value.every(isJson);
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object') return typeof value === 'string' || typeof value === 'boolean';
  const prototype: unknown = Object.getPrototypeOf(value);
  // A set or a map has no entries that could be asked for, and would let everybody in.
  return prototype === Object.prototype && Object.values(value).every(isJson);
}

/** The names of all parameters that a requirement is bound to, at any depth. */
function paramsIn(value: unknown): string[] {
  if (value instanceof RouteParam) return [value.name];
  if (Array.isArray(value)) return value.flatMap(paramsIn);
  return isPlainObject(value) ? Object.values(value).flatMap(paramsIn) : [];
}

/** The names of a path's parameters, in the router's words: `:id`, `:id(^\\d+)`, `:from-:to`, `*`. */
function paramsOf(path: string): string[] {
  let plain = path.replaceAll('::', '');
  for (let before = ''; before !== plain;) {
    before = plain;
    plain = plain.replaceAll(/\([^()]*\)/g, '');
  }
  const names = [...plain.matchAll(/:(\w+)/g)].map(([, name]) => name!);
  return plain.includes('*') ? [...names, '*'] : names;
}
