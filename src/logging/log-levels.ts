/**
 * The values of `LOG_LEVEL`, from the least output to the most; `trace` is another name for
 * `verbose`.
 */
export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'verbose', 'trace'] as const;
export type LogThreshold = (typeof LOG_LEVELS)[number];
