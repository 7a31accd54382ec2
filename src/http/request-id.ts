import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** The header that names a request, in requests and in responses. */
export const REQUEST_ID_HEADER = 'x-request-id';

/** An id of this form is safe in a log line, in a header and in a URL. */
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/**
 * The id of a request: the client's own if it is usable, else a new one. A header that is sent twice
 * is not usable, since Node joins its values with a comma.
 */
export function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const sent = headers[REQUEST_ID_HEADER];
  // Random and not counted, so that an id does not reveal how many requests others send.
  return typeof sent === 'string' && REQUEST_ID.test(sent) ? sent : randomUUID();
}

/** Documents the header, which every response has. */
export const requestIdHeader = {
  'X-Request-Id': {
    description:
      'The id of the request, as in the log and in the audit trail: the id that the client sent in this header, if it is 1 to 128 characters of `[A-Za-z0-9._-]`, else a new one.',
    required: true,
    schema: { type: 'string' as const, pattern: REQUEST_ID.source },
  },
};
