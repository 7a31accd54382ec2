import type { ErrorKind } from '../common/api-error.js';

export const bookExists: ErrorKind = {
  status: 409,
  code: 'book_exists',
  message: 'Book already exists.',
};
