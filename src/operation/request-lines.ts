import { escapeInJson, escapeText } from '../logging/escape-text.js';
import type { ServiceLogger } from '../logging/service-logger.js';
import { pathOf } from '../http/links.js';
import type { AnsweredRequest } from './answered-requests.js';

type Format = (answered: AnsweredRequest) => string;

const CONTEXT = 'Request';
/** Characters of a path that are logged. */
const MAX_PATH = 200;

/**
 * Lines of the form of `createJsonLog`. They are written as templates, in less than half the time of
 * `JSON.stringify` with an object, because a line is a large part of what a small read costs.
 */
export function formatAsJson(): Format {
  const start = `"pid":${process.pid},"context":"${CONTEXT}","route":`;
  /** The members that are the same for all requests of a route. */
  const starts = new Map<string | null, string>();
  let now = 0;
  let timestamp = '';
  return (answered) => {
    const { time, method, route, url, status, id, userId, sessionId, address } = answered;
    if (time !== now) {
      now = time;
      timestamp = new Date(now).toISOString();
    }
    if (!starts.has(route)) starts.set(route, start + JSON.stringify(route));
    const path = url === null ? '' : escapeInJson(shortPath(url));
    return (
      `{"level":"${status >= 500 ? 'error' : 'info'}","timestamp":"${timestamp}",` +
      `${starts.get(route)},"method":"${method}","path":${url === null ? 'null' : `"${path}"`}` +
      `,"status":${status},"duration_ms":${Math.round(answered.duration * 1000) / 1000}` +
      (answered.aborted ? ',"aborted":true' : '') +
      (id === null ? '' : `,"request_id":"${escapeInJson(id)}"`) +
      (userId === null ? '' : `,"user_id":"${escapeInJson(userId)}"`) +
      (sessionId === null ? '' : `,"session_id":"${escapeInJson(sessionId)}"`) +
      (address === null ? '' : `,"address":"${address}"`) +
      `,"message":"${method} ${path} ${status}"}\n`
    );
  };
}

/** Lines of the form of Nest's logger. */
export function formatAsText(logger: ServiceLogger): Format {
  return (answered) => {
    const { method, url, status, duration, userId, id } = answered;
    const path = url === null ? '' : escapeText(shortPath(url));
    const text =
      `${method} ${path} ${status} (${duration.toFixed(1)} ms` +
      `${answered.aborted ? ', aborted' : ''}` +
      `${userId === null ? '' : `, user ${escapeText(userId)}`}` +
      `${id === null ? '' : `, request ${id}`})`;
    return logger.formatSafeText(status >= 500 ? 'error' : 'log', CONTEXT, text);
  };
}

function shortPath(url: string): string {
  return pathOf({ url }).slice(0, MAX_PATH);
}
