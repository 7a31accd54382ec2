/**
 * The message of an error. An attempt to connect to several addresses of a host fails with an
 * `AggregateError` without a message of its own.
 */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message !== '' || !(error instanceof AggregateError)) return error.message;
  return error.errors.map(messageOf).join('; ');
}
