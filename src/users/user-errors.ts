import type { ErrorKind } from '../errors/api-error.js';

export const currentPasswordWrong: ErrorKind = {
  status: 400,
  code: 'current_password_wrong',
  message: 'Current password is incorrect.',
  logLevel: 'log',
};
/** `REGISTRATION` is `closed`, and the request has no administrator's token. */
export const registrationClosed: ErrorKind = {
  status: 403,
  code: 'registration_closed',
  message: 'Only an administrator can register users here.',
};
/** The service would have no administrator left. */
export const lastAdministrator: ErrorKind = {
  status: 409,
  code: 'last_administrator',
  message: 'The last administrator can neither lose this role nor be deleted.',
};
export const nameTaken: ErrorKind = {
  status: 400,
  code: 'name_taken',
  message: 'User already exists.',
};
