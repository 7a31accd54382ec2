import { getSchemaPath, type OpenAPIObject } from '@nestjs/swagger';
import { AccessTokenResponse } from '../auth/dto/tokens-response.dto.js';
import { type ErrorKind, tooManyRequests } from '../errors/api-error.js';
import { addCsrfParameter, csrfCookieOf, type LoginCookies } from './cookies.js';
import {
  addError,
  appendDescription,
  hasOwnErrorResponse,
  type OperationObject,
  operationsOf,
} from './operations.js';
import { headerOf, loginCookieOf, placesOf, type TokenRequirement } from '../access/requirement.js';
import type { RouteRequirement } from '../access/route-requirements.service.js';
import { missingToken, type TokenPlaces } from '../access/sent-token.js';
import {
  claimRequired,
  csrfFailed,
  freshTokenRequired,
  scopeRequired,
  tokenExpired,
  tokenInvalid,
  tokenRevoked,
  type TokenType,
  wrongTokenType,
} from '../tokens/token-errors.js';

type Schemes = NonNullable<NonNullable<OpenAPIObject['components']>['securitySchemes']>;

/** The security schemes of tokens in the header. Swagger UI shows the first one first. */
const bearer = (description: string) =>
  ({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description }) as const;
const HEADERS: Schemes = {
  access_token: bearer('The `access_token` of a login or a refresh.'),
  refresh_token: bearer('The `refresh_token` of a login.'),
};

/**
 * Documents for every operation which token it needs, where the token is sent, and how it may be
 * refused. `TokenGuard` enforces the same requirements.
 *
 * @param document whose operation ids are still the names of the routes
 * @param loginCookies the names of the cookies that a login sets; null if it sets none
 */
export function describeTokens(
  document: OpenAPIObject,
  routes: readonly RouteRequirement[],
  loginCookies: LoginCookies,
): void {
  const schemes: Schemes = { ...HEADERS };
  const known = new Map(routes.map((route) => [route.name, route]));
  for (const { operation, changes } of operationsOf(document)) {
    const name = operation.operationId ?? '';
    const route = known.get(name) ?? known.get(routeOf(name));
    if (!route) continue;
    const { requirement, writes } = route;
    if (writes) addError(operation, tooManyRequests);
    const cookie = cookieOf(requirement, loginCookies);
    const header = headerOf(requirement);
    const { type = 'access' } = requirement;
    appendDescription(operation, needsOf(requirement));
    addSecurity(operation, schemes, { header, cookie, type });
    const isForgeable = cookie !== null && changes;
    if (isForgeable) {
      const csrfCookie = csrfCookieOf(loginCookies, loginCookieOf(requirement));
      addCsrfParameter(operation, { csrfCookie, required: header === null });
    }
    // A route with a 401 response of its own documents all its refusals.
    if (hasOwnErrorResponse(operation, 401)) continue;
    const refusals = refusalsOf(requirement, isForgeable);
    for (const kind of [missingToken({ header, cookie }), ...refusals]) addError(operation, kind);
  }
  const { securitySchemes } = document.components ?? {};
  document.components = {
    ...document.components,
    securitySchemes: { ...schemes, ...securitySchemes },
  };
}

/** Adds the security schemes of an operation, any one of which is enough. */
function addSecurity(
  operation: OperationObject,
  schemes: Schemes,
  { header, cookie, type }: TokenPlaces & { type: TokenType },
): void {
  operation.security = header === 'authorization' ? [{ [`${type}_token`]: [] }] : [];
  for (const [place, name] of Object.entries({ header, cookie })) {
    if (name === null || name === 'authorization') continue;
    const scheme = `${place}.${name.replaceAll(/[^\w.-]/g, '_')}`;
    const article = type === 'access' ? 'An access' : 'A refresh';
    const description = `${article} token as the value of the ${place} \`${name}\`.`;
    schemes[scheme] = { type: 'apiKey', in: place, name, description };
    operation.security.push({ [scheme]: [] });
  }
}

function needsOf({ type = 'access', fresh, scope, override }: TokenRequirement): string {
  const kind = type === 'access' ? 'an access' : 'a refresh';
  const extent = scope && !override ? ` with the scope \`${JSON.stringify(scope)}\`` : '';
  const origin = fresh ? ', which has to come from a login' : '';
  return `Needs ${kind} token${extent}${origin}.`;
}

/** Documents that a refresh only returns an access token if `REFRESH_ROTATION` is `false`. */
export function describeRefreshWithoutRotation(document: OpenAPIObject): void {
  const response = document.paths['/auth/refresh']?.post?.responses['200'];
  if (!response || '$ref' in response) throw new Error('There is no refresh to describe.');
  const schema = { $ref: getSchemaPath(AccessTokenResponse) };
  response.content = { 'application/json': { schema } };
}

/** Nest numbers the paths of a handler that has several, and adds the verbs of `@All()`. */
function routeOf(operationId: string): string {
  return operationId.replace(/\[\d+\]$|_(?:get|post|put|delete|patch|options|head|search)$/, '');
}

function cookieOf(requirement: TokenRequirement, loginCookies: LoginCookies): string | null {
  if (placesOf(requirement).length > 0) return requirement.cookie ?? null;
  const type = loginCookieOf(requirement);
  return type === null ? null : (loginCookies?.[type].token ?? null);
}

function refusalsOf(requirement: TokenRequirement, forgeable: boolean): ErrorKind[] {
  const { type = 'access', fresh, scope, claims } = requirement;
  return [
    ...[tokenInvalid, tokenExpired, tokenRevoked, wrongTokenType[type]],
    ...(forgeable ? [csrfFailed] : []),
    ...(fresh ? [freshTokenRequired] : []),
    ...(scope ? [scopeRequired] : []),
    ...(claims ? [claimRequired] : []),
  ];
}
