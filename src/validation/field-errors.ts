import { ApiError, validationFailed } from '../errors/api-error.js';

/** A field of a body or a parameter of a query, and what is wrong with it. */
export type FieldError = readonly [name: string, messages: readonly string[]];

/** Field errors that a response holds at most: it need not be larger than the request. */
export const MAX_FIELD_ERRORS = 100;

/** @returns the error `validation_failed` with the messages of each field */
export function invalid(errors: readonly FieldError[]): ApiError {
  // fromEntries defines members, so that a field named __proto__ is a member like any other.
  const message = Object.fromEntries(
    errors.slice(0, MAX_FIELD_ERRORS).map(([name, texts]) => [name, [...texts]]),
  );
  return new ApiError(validationFailed, { message });
}
