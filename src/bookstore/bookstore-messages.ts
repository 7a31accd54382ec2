import { limitReached } from '../books/book-errors.js';
import type { ErrorKind } from '../errors/api-error.js';

/** What the document says of these routes. */
export const BOOKSTORE_TAG = {
  name: 'Bookstore tutorial',
  description:
    'For clients of the Flask bookstore tutorial: its own paths, bodies and words. The users, sessions and books are the same as everywhere else; new clients find them under `/api` and `/auth`.',
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

/** What a refused login asks for: RFC 7617, section 2. */
export const BASIC_CHALLENGE = 'Basic realm="bookstore", charset="UTF-8"';

/** The limit of books, in words such as the tutorial's. */
export const tooManyBooks: ErrorKind = { ...limitReached, message: 'too many books' };
