import { pino, type Logger, type LoggerOptions } from 'pino';
import { escapeText, escapeStack } from './escape-text.js';
import type { LogThreshold } from './log-levels.js';

/** Names of members that may hold a secret; also in capitals, and at any depth. */
const SECRETS: ReadonlySet<string> = new Set([
  ...['password', 'current_password', 'new_password', 'password_hash', 'passwordhash', 'secret'],
  ...['token', 'access_token', 'refresh_token', 'authorization', 'x-access-tokens'],
  ...['cookie', 'set-cookie', 'x-csrf-token'],
]);
/** Fastify's line about its address. Those of `startLines` say more. */
const FASTIFY_START = /^Server listening at /;
const CENSOR = '[secret]';

/**
 * A log of JSON lines. It replaces members with the name of a secret. It escapes all texts before
 * readers of the JSON see them, so that none can begin a line, or color, hide or reorder what a
 * terminal shows (CWE-117).
 *
 * @param write takes a line with its line end
 */
export function createJsonLog(level: LogThreshold, write: (line: string) => void): Logger {
  const hooks: LoggerOptions['hooks'] = {
    logMethod(args, method) {
      if (!FASTIFY_START.test(String(args[0]))) method.apply(this, args);
    },
  };
  return pino(
    { ...optionsFor(level), hooks },
    { write: (line) => write(`${JSON.stringify(safe(JSON.parse(line)))}\n`) },
  );
}

function optionsFor(level: LogThreshold): LoggerOptions {
  return {
    level: level === 'verbose' ? 'trace' : level,
    base: { pid: process.pid },
    messageKey: 'message',
    timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
  };
}

/** @param name of the member that holds the value */
function safe(value: unknown, name = ''): unknown {
  if (typeof value === 'string') return name === 'stack' ? escapeStack(value) : escapeText(value);
  if (Array.isArray(value)) return value.map((each) => safe(each));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      escapeText(key),
      SECRETS.has(key.toLowerCase()) && each !== null ? CENSOR : safe(each, key),
    ]),
  );
}
