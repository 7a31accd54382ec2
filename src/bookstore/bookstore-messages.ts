import { limitReached } from '../books/book-errors.js';
import type { ErrorKind } from '../errors/api-error.js';

/** The tag of these routes in the OpenAPI document. */
export const BOOKSTORE_TAG = {
  name: 'Bookstore tutorial',
  description:
    'For clients of the Flask bookstore tutorial, with its own paths, bodies and messages. The users, sessions and books are the same as everywhere else; new clients should use `/api` and `/auth`.',
};

/** Messages that clients of the tutorial expect. */
export const messages = {
  registered: 'registered successfully',
  couldNotVerify: 'could not verify',
  tokenMissing: 'a valid token is missing',
  tokenInvalid: 'token is invalid',
  administratorRequired: 'administrator required',
  added: 'new books created',
  deleted: 'Book deleted',
  noBook: 'book does not exist',
};

/** The header `WWW-Authenticate` of a refused login (RFC 7617, section 2). */
export const BASIC_CHALLENGE = 'Basic realm="bookstore", charset="UTF-8"';

/** The error for too many books, with a message in the style of the tutorial. */
export const tooManyBooks: ErrorKind = { ...limitReached, message: 'too many books' };
