import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** The header that names a request, in requests and in responses. */
export const REQUEST_ID_HEADER = 'x-request-id';

/** Nothing in it can break out of a log line, a header or a URL. */
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/**
 * The id of a request: the client's own if it is usable, else a new one. A header that is sent twice
 * is not usable, since Node joins its values with a comma.
 */
export function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const sent = headers[REQUEST_ID_HEADER];
  // Random rather than counted, so that an id does not tell how many requests others make.
  return typeof sent === 'string' && REQUEST_ID.test(sent) ? sent : randomUUID();
}

/** What documents the header, which every response carries. */
export const requestIdHeader = {
  'X-Request-Id': {
    description:
      'The id of the request, which the log and the audit trail show: the one that the client sent in this header, if it is 1 to 128 characters of `[A-Za-z0-9._-]`, else a new one.',
    required: true,
    schema: { type: 'string' as const, pattern: REQUEST_ID.source },
  },
};
