import { isIP } from 'node:net';
import { packageInfo } from './package-info.js';
import type { SettingsReader } from './settings-reader.js';

/** Where `GET /metrics` is served. */
interface MetricsSettings {
  /** The port of a separate server; null without `METRICS_PORT`. */
  readonly port: number | null;
  /** The address of the separate server. */
  readonly host: string;
  /** Whether the API itself serves the route, to programs of the same machine. */
  readonly onMainPort: boolean;
}

/** Where spans are sent. */
export interface TracingSettings {
  /** The collector, without a slash at the end: `/v1/traces` is added. */
  readonly endpoint: string;
  readonly serviceName: string;
}

export interface MonitoringSettings {
  readonly metrics: MetricsSettings;
  /** Null without `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly tracing: TracingSettings | null;
}

/** Reads the settings of metrics (`METRICS_…`) and of traces (`OTEL_…`). */
export function readMonitoringSettings(
  read: SettingsReader,
  main: { port: number; production: boolean },
): MonitoringSettings {
  return { metrics: readMetrics(read, main), tracing: readTracing(read) };
}

function readMetrics(
  read: SettingsReader,
  main: { port: number; production: boolean },
): MetricsSettings {
  const isSet = read.raw('METRICS_PORT') !== undefined;
  const port = isSet ? read.integer('METRICS_PORT', 0, 0, 65_535) : null;
  const host = read.text('METRICS_HOST');
  if (port !== null && port !== 0 && port === main.port) {
    read.problem('METRICS_PORT is the same as PORT; use another port.');
  }
  if (host !== undefined && !isIP(host) && !/^[\w.-]+$/.test(host)) {
    read.problem('METRICS_HOST is invalid: use an address or a name, without brackets and port.');
  }
  if (port === null && host !== undefined) {
    read.warning('METRICS_HOST is not used, because METRICS_PORT is not set.');
  }
  return { port, host: host ?? '127.0.0.1', onMainPort: port === null && !main.production };
}

function readTracing(read: SettingsReader): TracingSettings | null {
  const text = read.text('OTEL_EXPORTER_OTLP_ENDPOINT');
  if (text === undefined) return null;
  if (!/^https?:\/\/[^\s?#]+$/i.test(text) || !URL.canParse(text)) {
    // The message does not repeat the value, which may contain a password.
    read.problem(
      'OTEL_EXPORTER_OTLP_ENDPOINT is invalid: use the http or https address of a collector without a query, such as http://127.0.0.1:4318.',
    );
  }
  const serviceName = read.text('OTEL_SERVICE_NAME') ?? packageInfo.name;
  return { endpoint: text.replace(/\/+$/, ''), serviceName };
}
