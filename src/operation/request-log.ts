import type { AppConfig } from '../config/app-config.js';
import { LineBuffer } from '../logging/line-buffer.js';
import { LOG_LEVELS, type LogThreshold } from '../logging/log-levels.js';
import type { ServiceLogger } from '../logging/service-logger.js';
import type { RequestObserver } from './answered-requests.js';
import { formatAsJson, formatAsText } from './request-lines.js';

/** Supervisors send these all the time. */
const UNLOGGED: ReadonlySet<string> = new Set(['/health/live', '/health/ready']);

/**
 * Logs one line for each request: of the level `error` if the status is 500 or more, otherwise of
 * the level `info`. It never contains a header, a body or a query, which may hold secrets. Lines are
 * JSON objects in production, and text otherwise.
 */
export function createRequestLog(
  { production, requestLogLevel: level }: AppConfig,
  logger: ServiceLogger,
): RequestObserver {
  const format = production ? formatAsJson() : formatAsText(logger);
  const buffer = new LineBuffer(format, (lines) => process.stdout.write(lines));
  const isEnabled = (name: LogThreshold) => LOG_LEVELS.indexOf(name) <= LOG_LEVELS.indexOf(level);
  const [logsErrors, logsAll] = [isEnabled('error'), isEnabled('info')];
  return (answered) => {
    if (!(answered.status >= 500 ? logsErrors : logsAll)) return;
    if (answered.route === null || !UNLOGGED.has(answered.route)) buffer.add(answered);
  };
}
