import { RequestMethod, SetMetadata } from '@nestjs/common';
import { METHOD_METADATA } from '@nestjs/common/internal';

const NOT_RATE_LIMITED = 'not rate limited';

/**
 * Exempts a route from `USER_RATE_LIMIT`. Refreshes, logouts and ending sessions are exempt, so
 * that a thief who uses up the limit cannot prevent them.
 */
export const NotRateLimited = () => SetMetadata(NOT_RATE_LIMITED, true);

const SAFE_METHODS: readonly unknown[] = [
  RequestMethod.GET,
  RequestMethod.HEAD,
  RequestMethod.OPTIONS,
  RequestMethod.SEARCH,
];

/** Whether a handler's requests may change something. */
export function mayWrite(handler: object): boolean {
  const method: unknown = Reflect.getMetadata(METHOD_METADATA, handler);
  return !SAFE_METHODS.includes(method);
}

/**
 * Whether a handler's requests count towards `USER_RATE_LIMIT`. Those that change nothing do not.
 */
export function isRateLimited(handler: object): boolean {
  return mayWrite(handler) && !Reflect.hasMetadata(NOT_RATE_LIMITED, handler);
}
