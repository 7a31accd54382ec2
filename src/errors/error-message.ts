/**
 * The message of an error, or its name if it has none. An attempt to connect to several addresses of a host fails with an
 * `AggregateError` without a message of its own.
 */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message !== '') return error.message;
  return error instanceof AggregateError ? error.errors.map(messageOf).join('; ') : error.name;
}
