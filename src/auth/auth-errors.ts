import { ApiError, type ErrorKind } from '../errors/api-error.js';
import { CHALLENGE } from '../tokens/token-errors.js';

export const credentialsMissing: ErrorKind = {
  status: 400,
  code: 'credentials_missing',
  message: 'Username or password missing.',
  logLevel: 'debug',
};

/** The same for a wrong password and an unknown user. */
export const credentialsInvalid: ErrorKind = {
  status: 401,
  code: 'credentials_invalid',
  message: 'Username or password invalid.',
  logLevel: 'log',
};

/**
 * The error of a failed login. Sends the Bearer challenge, because a 401 requires
 * `WWW-Authenticate` (RFC 9110, section 15.5.2).
 */
export function refusedLogin(cause = 'the name or the password is wrong'): ApiError {
  return new ApiError(credentialsInvalid, { headers: { 'www-authenticate': CHALLENGE }, cause });
}
