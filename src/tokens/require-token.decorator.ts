import {
  applyDecorators,
  createParamDecorator,
  type ExecutionContext,
  SetMetadata,
} from '@nestjs/common';
import { ApiSecurity } from '@nestjs/swagger';
import { ApiErrors } from '../common/api-errors.js';
import { placesOf, type TokenRequirement } from './requirement.js';
import {
  claimRequired,
  freshTokenRequired,
  scopeRequired,
  tokenExpired,
  tokenInvalid,
  tokenMissing,
  tokenRevoked,
  wrongTokenType,
} from './token-error.js';
import type { Token } from './token.js';

export const REQUIREMENT = Symbol('token requirement');
export const PUBLIC = 'public';

/** What the guard reads: a requirement, or that there is none. */
export type RouteAccess = TokenRequirement | typeof PUBLIC;

/** Opens a route, or all of a controller, to everybody. Without it every route asks for a token. */
export const Public = () => SetMetadata(REQUIREMENT, PUBLIC satisfies RouteAccess);

/**
 * Says who may use a route, or all routes of a controller, to the guard and to the OpenAPI
 * document.
 */
export function RequireToken(requirement: TokenRequirement = {}) {
  const { type = 'access', fresh, scope, claims, cookie } = requirement;
  const places = placesOf(requirement);
  // The document leaves out the cookies of a login where no login sets them.
  const schemes =
    places.length === 0
      ? [`${type}_token`, `${type}_token_cookie`]
      : places.map((place) => (place === 'cookie' ? (cookie ?? '') : `${type}_token`));
  return applyDecorators(
    SetMetadata(REQUIREMENT, requirement satisfies RouteAccess),
    ...schemes.map((scheme) => ApiSecurity(scheme)),
    ApiErrors(
      tokenMissing,
      tokenInvalid,
      tokenExpired,
      tokenRevoked,
      wrongTokenType[type],
      ...(fresh ? [freshTokenRequired] : []),
      ...(scope ? [scopeRequired] : []),
      ...(claims ? [claimRequired] : []),
    ),
  );
}

/** The token that the guard let in. */
export const CurrentToken = createParamDecorator(
  (_: unknown, context: ExecutionContext): Token =>
    context.switchToHttp().getRequest<{ token: Token }>().token,
);
