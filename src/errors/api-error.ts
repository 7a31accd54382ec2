import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import { messageOf } from './error-message.js';

/** A kind of error. `code` is for programs and never changes; docs/errors.md lists them. */
export interface ErrorKind {
  readonly status: number;
  readonly code: string;
  /** The member `error` of the body. By default it is the reason phrase of the status. */
  readonly error?: string;
  /** The member `message` of the body, if all errors of this kind have the same. */
  readonly message?: string | ValidationMessages;
  /**
   * The log level for the reason of a refusal that concerns credentials. Without it, refusals with
   * the status 401 or 403 are logged at `debug`. A 429 is logged as a warning, by
   * `SecurityEventsService`. Other client errors are not logged.
   */
  readonly logLevel?: 'log' | 'debug';
}

/** The messages of each invalid field, by its name. */
export type ValidationMessages = Record<string, string[]>;

export interface ErrorBody {
  statusCode: number;
  code: string;
  error: string;
  message?: string | ValidationMessages;
  /** The id of the request, for a search in the log. Only with a status of 500 and above. */
  request_id?: string;
}

export interface ApiErrorDetails {
  message?: string | ValidationMessages;
  headers?: Record<string, string>;
  /** The precise reason: for the log, never for the client. */
  cause?: unknown;
}

/** An error with the body that all error responses have. */
export class ApiError extends HttpException {
  readonly body: ErrorBody;
  readonly headers: Record<string, string>;

  constructor(
    readonly kind: ErrorKind,
    details: ApiErrorDetails = {},
  ) {
    const body = errorBody(kind, details.message);
    super(body, kind.status, { cause: details.cause });
    this.body = body;
    this.headers = details.headers ?? {};
  }

  /** A stable code for programs. */
  get code(): string {
    return this.kind.code;
  }

  /** The reason that the log shows. */
  get reason(): string {
    const { cause } = this;
    if (cause instanceof Error) return messageOf(cause);
    return typeof cause === 'string' ? cause : this.kind.code;
  }
}

/** Names a failure, for counters: the code of the error that the client gets. */
export function resultOf(error: unknown): string {
  return error instanceof ApiError ? error.code : genericKind(500).code;
}

/** @param retryAfter the seconds after which the client may try again */
export function unavailable(cause: unknown, retryAfter = 1): ApiError {
  return new ApiError(serviceUnavailable, {
    headers: { 'retry-after': String(retryAfter) },
    cause,
  });
}

export function errorBody(kind: ErrorKind, message = kind.message): ErrorBody {
  const body: ErrorBody = {
    statusCode: kind.status,
    code: kind.code,
    error: kind.error ?? reasonPhrase(kind.status),
  };
  if (message !== undefined) body.message = message;
  return body;
}

/** The kind of an error without a code of its own: `not_found` for 404, and so on. */
export function genericKind(status: number): ErrorKind {
  if (status === 500) return { status, code: 'internal_error' };
  return { status, code: reasonPhrase(status).toLowerCase().replace(/\W+/g, '_') };
}

function reasonPhrase(status: number): string {
  return STATUS_CODES[status] ?? 'Error';
}

export const validationFailed: ErrorKind = { status: 400, code: 'validation_failed' };
export const idMismatch: ErrorKind = {
  status: 400,
  code: 'id_mismatch',
  message: 'Request data id has to match resource id.',
};
export const bodyTooDeep: ErrorKind = {
  status: 400,
  code: 'body_too_deep',
  message: 'The body is nested too deeply.',
};
export const bodyTooFull: ErrorKind = {
  status: 400,
  code: 'body_too_full',
  message: 'The body holds too many values.',
};
export const notFound = genericKind(404);
export const methodNotAllowed = genericKind(405);
export const preconditionFailed: ErrorKind = {
  status: 412,
  code: 'precondition_failed',
  message: 'The resource has changed, or `If-Match` does not name its ETag.',
};
export const preconditionRequired: ErrorKind = {
  status: 428,
  code: 'precondition_required',
  message: 'Send If-Match with the ETag of the resource.',
};
export const payloadTooLarge = genericKind(413);
export const unsupportedMediaType = genericKind(415);
export const tooManyRequests = genericKind(429);
export const internalError = genericKind(500);
export const serviceUnavailable = genericKind(503);
