import type { components } from './api-types.js';
import { retryAfterOf } from './retries.js';

export type ErrorBody = components['schemas']['ErrorResponse'];
/** The codes that programs can tell errors apart by. */
export type ErrorCode = ErrorBody['code'];

/** A response with an error, which `unwrap` and `pages` throw. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** Undefined if the response is not one of the service, but of a proxy. */
  readonly code: ErrorCode | undefined;
  /** Seconds after which the request may be sent again. */
  readonly retryAfter: number | undefined;

  /** @param body the whole error; only its text if it is not one of the service */
  constructor(
    readonly body: ErrorBody | string | undefined,
    readonly response: Response,
  ) {
    const error = typeof body === 'object' ? body : undefined;
    const details = error?.message ?? error?.error ?? response.statusText;
    super(typeof details === 'string' ? details : JSON.stringify(details));
    this.status = response.status;
    this.code = error?.code;
    this.retryAfter = retryAfterOf(response);
  }
}

/** What a request returns. */
interface Result {
  data?: unknown;
  error?: unknown;
  response: Response;
}

/** The data of a result. Throws an `ApiError` if it is an error. */
export function unwrap<R extends Result>({
  data,
  error,
  response,
}: R): Extract<R, { error?: never }>['data'] {
  if (!response.ok) throw new ApiError(error as ErrorBody | undefined, response);
  return data;
}

/** The entity tag of a response, for `If-Match` and `If-None-Match`. */
export function etagOf({ headers }: Response): string | undefined {
  return headers.get('etag') ?? undefined;
}
