import type { ErrorKind } from '../common/api-error.js';

export const credentialsMissing: ErrorKind = {
  status: 400,
  code: 'credentials_missing',
  message: 'Username or password missing.',
};

/** The same for a wrong password and an unknown user. */
export const credentialsInvalid: ErrorKind = {
  status: 401,
  code: 'credentials_invalid',
  message: 'Username or password invalid.',
};
