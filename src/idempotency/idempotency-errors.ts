import type { ErrorKind } from '../errors/api-error.js';

export const idempotencyKeyInvalid: ErrorKind = {
  status: 400,
  code: 'idempotency_key_invalid',
  message: 'Send Idempotency-Key once, with 1 to 255 printable ASCII characters.',
};
export const idempotencyInProgress: ErrorKind = {
  status: 409,
  code: 'idempotency_in_progress',
  message: 'The first request with this Idempotency-Key has not been answered yet.',
};
export const idempotencyKeyReused: ErrorKind = {
  status: 422,
  code: 'idempotency_key_reused',
  message: 'This Idempotency-Key was sent with another body. Use a new one.',
};
