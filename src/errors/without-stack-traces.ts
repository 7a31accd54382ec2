/**
 * Runs code whose errors need no stack trace, because they say what a client has sent. To capture one takes
 * longer than to verify a signature, and anyone can send tokens that are refused.
 */
export function withoutStackTraces<T>(work: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return work();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
