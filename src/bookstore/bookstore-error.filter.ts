import { Catch } from '@nestjs/common';
import { credentialsInvalid } from '../auth/auth-errors.js';
import { limitReached } from '../books/book-errors.js';
import { ApiError, notFound } from '../errors/api-error.js';
import { type ErrorAnswer, ErrorFilter } from '../http/error.filter.js';
import { scopeRequired, TokenError, tokenInvalid } from '../tokens/token-errors.js';
import { BASIC_CHALLENGE, tooManyBooks, messages } from './bookstore-messages.js';

/**
 * Sends the tutorial's own message for an error, or the usual response if the tutorial has none.
 */
@Catch()
export class BookstoreErrorFilter extends ErrorFilter {
  protected override answer(error: unknown): ErrorAnswer {
    if (error instanceof TokenError) return refusedToken(error);
    if (!(error instanceof ApiError)) return super.answer(error);
    if (error.code === credentialsInvalid.code) {
      return {
        status: 401,
        headers: {
          'www-authenticate': BASIC_CHALLENGE,
          'content-type': 'text/plain; charset=utf-8',
        },
        body: messages.couldNotVerify,
      };
    }
    if (error.code === notFound.code) {
      return { status: 404, headers: {}, body: { message: messages.noBook } };
    }
    if (error.code === limitReached.code) {
      return super.answer(new ApiError(tooManyBooks));
    }
    return super.answer(error);
  }
}

/** The tutorial has one message for a missing token, and one for any other refused token. */
function refusedToken(error: TokenError): ErrorAnswer {
  if (error.kind === scopeRequired) {
    return {
      status: 403,
      headers: error.headers,
      body: { message: messages.administratorRequired },
    };
  }
  const message = error.code === 'token_missing' ? messages.tokenMissing : messages.tokenInvalid;
  const { headers } = error.kind.status === 401 ? error : new TokenError(tokenInvalid);
  return { status: 401, headers, body: { message } };
}
