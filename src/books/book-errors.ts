import type { ErrorKind } from '../errors/api-error.js';

/** Maximum number of books of one user. */
export const MAX_BOOKS = 10_000;

export const limitReached: ErrorKind = {
  status: 409,
  code: 'limit_reached',
  message: `A user can have at most ${MAX_BOOKS} books.`,
};
export const bookExists: ErrorKind = {
  status: 409,
  code: 'book_exists',
  message: 'Book already exists.',
};
