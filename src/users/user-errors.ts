import type { ErrorKind } from '../common/api-error.js';

export const nameTaken: ErrorKind = {
  status: 400,
  code: 'name_taken',
  message: 'User already exists.',
};
