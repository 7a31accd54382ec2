import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import { messageOf } from './error-message.js';

/** A kind of error. `code` is for programs and never changes; docs/errors.md lists them. */
export interface ErrorKind {
  readonly status: number;
  readonly code: string;
  /** The `error` member; the reason phrase of the status where it is left out. */
  readonly error?: string;
  /** The `message` of every error of this kind, where they share one. */
  readonly message?: string | ValidationMessages;
  /**
   * The level at which the log shows the reason of a refusal that concerns credentials. Without it,
   * those of status 401 and 403 are shown at `debug`, and others are not shown.
   */
  readonly logLevel?: 'log' | 'debug';
}

/** Field by field, what is wrong with it. */
export type ValidationMessages = Record<string, string[]>;

export interface ErrorBody {
  statusCode: number;
  code: string;
  error: string;
  message?: string | ValidationMessages;
  /** Of a status of 500 and above: the id of the request, by which the log can be searched. */
  request_id?: string;
}

export interface ApiErrorDetails {
  message?: string | ValidationMessages;
  headers?: Record<string, string>;
  /** The precise reason: for the log, never for the client. */
  cause?: unknown;
}

/** An error in the one shape that every error response has. */
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

  /** For programs; it never changes. */
  get code(): string {
    return this.kind.code;
  }

  /** What the log says of it. */
  get reason(): string {
    const { cause } = this;
    if (cause instanceof Error) return messageOf(cause);
    return typeof cause === 'string' ? cause : this.kind.code;
  }
}

/** More than can be done now: the caller may try again in so many seconds. */
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

/** The kind of an error that has nothing but its status: `not_found` for 404, and so on. */
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
export const payloadTooLarge = genericKind(413);
export const unsupportedMediaType = genericKind(415);
export const tooManyRequests = genericKind(429);
export const internalError = genericKind(500);
export const serviceUnavailable = genericKind(503);
