import { ApiError, type ErrorKind } from '../errors/api-error.js';

export type TokenType = 'access' | 'refresh';

export const tokenMissing: ErrorKind = {
  status: 401,
  code: 'token_missing',
  error: 'Missing Authorization Header',
};
/** As `tokenMissing`, for a route that reads its token from this cookie only. */
export function cookieMissing(name: string): ErrorKind {
  return { ...tokenMissing, error: `Missing cookie "${name}"` };
}
export const tokenInvalid: ErrorKind = {
  status: 401,
  code: 'token_invalid',
  error: 'Invalid token',
};
export const tokenExpired: ErrorKind = {
  status: 401,
  code: 'token_expired',
  error: 'Token has expired',
};
export const tokenRevoked: ErrorKind = {
  status: 401,
  code: 'token_revoked',
  error: 'Token has been revoked',
};
export const freshTokenRequired: ErrorKind = {
  status: 401,
  code: 'fresh_token_required',
  error: 'Fresh token required',
};
/** The token came in a cookie, and the request does not repeat its claim `csrf`. */
export const csrfFailed: ErrorKind = {
  status: 401,
  code: 'csrf_failed',
  error: 'Missing or wrong X-CSRF-TOKEN',
};
export const claimRequired: ErrorKind = {
  status: 403,
  code: 'claim_required',
  error: 'Missing required claim(s)',
};
export const scopeRequired: ErrorKind = {
  status: 403,
  code: 'scope_required',
  error: 'Missing required scope(s)',
};
/** The errors for a token of the wrong type, by the required type. */
export const wrongTokenType: Record<TokenType, ErrorKind> = {
  access: {
    status: 422,
    code: 'wrong_token_type',
    error: 'Only access tokens are allowed',
    logLevel: 'debug',
  },
  refresh: {
    status: 422,
    code: 'wrong_token_type',
    error: 'Only refresh tokens are allowed',
    logLevel: 'debug',
  },
};

/** The header `WWW-Authenticate` of a 401 (RFC 6750, section 3). */
export const CHALLENGE = 'Bearer realm="api"';

/**
 * A token was refused. The client gets the error kind; the log gets the reason (`cause`). It has no stack
 * trace: see `withoutStackTraces`.
 */
export class TokenError extends ApiError {
  constructor(kind: ErrorKind, reason?: unknown) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(kind, { headers: challenge(kind), cause: reason });
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** RFC 6750, section 3: there is no error code if the request had no token. */
function challenge(kind: ErrorKind): Record<string, string> {
  if (kind.status !== 401 && kind.status !== 403) return {};
  if (kind.code === tokenMissing.code) return { 'www-authenticate': CHALLENGE };
  const error = kind.status === 403 ? 'insufficient_scope' : 'invalid_token';
  return {
    'www-authenticate': `${CHALLENGE}, error="${error}", error_description="${kind.error ?? ''}"`,
  };
}
