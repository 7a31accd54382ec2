import { ApiError, validationFailed } from '../errors/api-error.js';

/** The messages of an invalid field of a body, or of an invalid query parameter. */
export type FieldError = readonly [name: string, messages: readonly string[]];

/**
 * The maximum number of field errors in a response, which should not exceed the request in size.
 */
export const MAX_FIELD_ERRORS = 100;

/** @returns the error `validation_failed` with the messages of each field */
export function invalid(errors: readonly FieldError[]): ApiError {
  // `fromEntries` defines members, so a field named `__proto__` is a member like any other.
  const message = Object.fromEntries(
    errors.slice(0, MAX_FIELD_ERRORS).map(([name, texts]) => [name, [...texts]]),
  );
  return new ApiError(validationFailed, { message });
}
