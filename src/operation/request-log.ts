import type { FastifyRequest } from 'fastify';
import type { AppConfig } from '../config/app-config.js';
import { escapeText } from '../logging/escape-text.js';
import { LineBuffer } from '../logging/line-buffer.js';
import { LOG_LEVELS, type LogThreshold } from '../logging/log-levels.js';
import type { ServiceLogger } from '../logging/service-logger.js';
import type { Token } from '../tokens/token.js';
import type { AnsweredRequest, RequestObserver } from './answered-requests.js';
import { clientAddress } from '../http/client-address.js';
import { pathOf } from '../http/links.js';

const CONTEXT = 'Request';
/** Characters of a path that are logged. */
const MAX_PATH = 200;
/** Supervisors send these all the time. */
const UNLOGGED: ReadonlySet<string> = new Set(['/health/live', '/health/ready']);

/** The content of a line. */
interface Line {
  method: string;
  route: string | null;
  path: string | null;
  status: number;
  /** Present if the client hung up. */
  aborted?: true;
  duration_ms: number;
  request_id?: string;
  user_id?: string;
  session_id?: string;
}

type Writer = (line: Line, request: FastifyRequest | null) => void;

/**
 * Logs one line for each request: of the level `error` if the status is 500 or more, otherwise of
 * the level `info`. It never contains a header, a body or a query, which may hold secrets. Lines are
 * JSON objects in production, and text otherwise.
 */
export function createRequestLog(
  { production, requestLogLevel: level }: AppConfig,
  logger: ServiceLogger,
): RequestObserver {
  const buffer = new LineBuffer((lines) => process.stdout.write(lines));
  const add = (line: string): void => buffer.add(line);
  const write = production ? jsonWriter(add) : textWriter(logger, add);
  const isEnabled = (name: LogThreshold) => LOG_LEVELS.indexOf(name) <= LOG_LEVELS.indexOf(level);
  const [logsErrors, logsAll] = [isEnabled('error'), isEnabled('info')];
  return (answered) => {
    if (!(answered.status >= 500 ? logsErrors : logsAll)) return;
    if (answered.route === null || !UNLOGGED.has(answered.route))
      write(lineOf(answered), answered.request);
  };
}

function lineOf({ method, route, status, aborted, duration, request }: AnsweredRequest): Line {
  const line: Line = {
    method,
    route,
    path: null,
    status,
    duration_ms: roundToMicroseconds(duration),
  };
  if (aborted) line.aborted = true;
  if (request === null) return line;
  const { token } = request as FastifyRequest & { token?: Token };
  line.path = escapeText(pathOf(request).slice(0, MAX_PATH));
  line.request_id = request.id;
  if (token !== undefined) {
    line.user_id = escapeText(token.subject);
    if (token.sessionId !== null) line.session_id = escapeText(token.sessionId);
  }
  return line;
}

/**
 * Lines of the form of `createJsonLog`. They are written as templates, in less than half the time of
 * `JSON.stringify` with an object, because a line is a large part of what a small read costs.
 */
function jsonWriter(add: (line: string) => void): Writer {
  const start = `,"pid":${process.pid},"context":"${CONTEXT}","method":"`;
  let now = 0;
  let timestamp = '';
  return (line, request) => {
    if (Date.now() !== now) {
      now = Date.now();
      timestamp = new Date(now).toISOString();
    }
    const { method, status, aborted, request_id: id, user_id: user, session_id: session } = line;
    const path = line.path ?? '';
    add(
      `{"level":"${status >= 500 ? 'error' : 'info'}","timestamp":"${timestamp}"${start}${method}"` +
        `,"route":${quote(line.route)},"path":${quote(line.path)},"status":${status}` +
        `,"duration_ms":${line.duration_ms}${aborted ? ',"aborted":true' : ''}` +
        (id === undefined ? '' : `,"request_id":${quote(id)}`) +
        (user === undefined ? '' : `,"user_id":${quote(user)}`) +
        (session === undefined ? '' : `,"session_id":${quote(session)}`) +
        (request === null ? '' : `,"address":${quote(clientAddress(request))}`) +
        `,"message":${quote(`${method} ${path} ${status}`)}}\n`,
    );
  };
}

/** Characters that JSON does not escape. */
const UNESCAPED = /^[\w /:.%-]*$/;

/** JSON of a text. */
function quote(text: string | null): string {
  return text !== null && UNESCAPED.test(text) ? `"${text}"` : JSON.stringify(text);
}

function textWriter(logger: ServiceLogger, add: (line: string) => void): Writer {
  return ({
    method,
    path,
    status,
    aborted,
    duration_ms: duration,
    request_id: id,
    user_id: user,
  }) => {
    const text =
      `${method} ${path ?? ''} ${status} (${duration.toFixed(1)} ms` +
      `${aborted ? ', aborted' : ''}${user === undefined ? '' : `, user ${user}`}` +
      `${id === undefined ? '' : `, request ${id}`})`;
    add(logger.formatSafeText(status >= 500 ? 'error' : 'log', CONTEXT, text));
  };
}

function roundToMicroseconds(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
