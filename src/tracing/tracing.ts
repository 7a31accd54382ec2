import { FastifyOtelInstrumentation } from '@fastify/otel';
import { trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { FastifyInstance } from 'fastify';
import { packageInfo } from '../config/package-info.js';
import type { TracingSettings } from '../config/monitoring-settings.js';
import type { Database } from '../database/database.js';
import { pathOf } from '../http/links.js';
import { escapeText } from '../logging/escape-text.js';
import { withDeadline } from '../operation/deadline.js';
import { traceDatabase } from './traced-database.js';

/** Milliseconds that the shutdown waits for the collector. */
const SHUTDOWN_TIMEOUT = 2_000;

/**
 * Sends a span for each request and for each query to a collector, by OTLP over HTTP. A request with
 * the header `traceparent` continues that trace (W3C Trace Context). This file is only loaded if
 * `OTEL_EXPORTER_OTLP_ENDPOINT` is set. OpenTelemetry reads its other settings (`OTEL_…`) itself.
 */
export class Tracing {
  private readonly provider: NodeTracerProvider;
  private readonly requests = new FastifyOtelInstrumentation({
    // A span for each hook would cost more than the requests, and tell nothing about them.
    instrumentHooks: false,
    instrumentHandler: false,
    // The log has the stack of a failure. A refusal is none.
    recordExceptions: false,
    requestHook: (span, request) => {
      span.updateName(`${request.method} ${request.routeOptions.url ?? 'unmatched'}`);
      // The query may contain a secret.
      span.setAttribute('url.path', escapeText(pathOf(request)));
      span.setAttribute('request_id', request.id);
    },
  });

  constructor({ endpoint, serviceName }: TracingSettings) {
    const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces` });
    this.provider = new NodeTracerProvider({
      resource: defaultResource().merge(
        resourceFromAttributes({
          'service.name': serviceName,
          'service.version': packageInfo.version,
        }),
      ),
      spanProcessors: [new BatchSpanProcessor(exporter)],
    });
    // Also sets the context, which follows promises, and the propagation of `traceparent`.
    this.provider.register();
    this.requests.setTracerProvider(this.provider);
  }

  /** Traces the requests of the routes that are added later. */
  async watch(instance: FastifyInstance): Promise<void> {
    await instance.register(this.requests.plugin());
    instance.addHook('onClose', () => this.shutDown());
  }

  /** Traces the queries of the selects that are prepared later, and of writes. */
  watchDatabase(database: Database): void {
    traceDatabase(database, trace.getTracer(packageInfo.name, packageInfo.version));
  }

  /** Sends what was not sent yet. A collector that does not answer must not prevent the shutdown. */
  private async shutDown(): Promise<void> {
    const work = this.provider.shutdown();
    await withDeadline(work, SHUTDOWN_TIMEOUT, 'the collector does not answer').catch(
      () => undefined,
    );
  }
}
