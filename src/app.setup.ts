import 'reflect-metadata';
import type { RequestListener, Server } from 'node:http';
import { type DynamicModule, Logger, type LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { LogController } from 'fastify';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule, type Imports } from './app.module.js';
import { serveRequestLog } from './logging/request-logger.js';
import { ServiceLogger } from './logging/service-logger.js';
import type { AppConfig } from './config/app-config.js';
import { openDatabase } from './database/database.module.js';
import { codeOf } from './database/driver-error.js';
import { StartError } from './errors/start-error.js';
import {
  preRoutingErrorHandlers,
  closeAfterFaultyFraming,
  expectationRefusal,
  rejectInvalidRequests,
} from './http/broken-request.js';
import { createBoundedServer } from './http/connections.js';
import { tagResponses } from './http/conditional/conditional-requests.js';
import { allowOrigins } from './http/routing/cors.js';
import { acceptOnlyJson, BODY_LIMIT } from './http/json-body.js';
import { prepareLinks } from './http/links.js';
import { AuthAttemptsService } from './limits/auth-attempts.service.js';
import { endTurns } from './limits/write-queue.guard.js';
import { requestIdOf } from './http/request-id.js';
import { MetricsService } from './metrics/metrics.service.js';
import { measureRequests } from './metrics/request-durations.js';
import { AnsweredRequests } from './operation/answered-requests.js';
import { createRequestLog } from './operation/request-log.js';
import { RouteMethods } from './http/routing/route-methods.js';
import { sendSecurityHeaders } from './http/security-headers.js';
import { answerUnknownRoutes } from './http/routing/unknown-route.js';
import { serveDocs } from './openapi/document.js';
import { CSRF_HEADER } from './access/token-cookies.service.js';
import { declaredHeaders } from './openapi/request-headers.js';
import { drainBeforeClose } from './operation/shutdown.js';
import { loadKeys } from './keys/keys.module.js';
import type { Tracing } from './tracing/tracing.js';
import { closeRegistration } from './users/registration.guard.js';

/** Timeouts of connections, in milliseconds. */
interface Timeouts {
  /** Timeout of the request head. */
  head: number;
  /** Timeout of the whole request. */
  request: number;
  /** Timeout of a response that the client does not read. */
  unread: number;
  /** Interval of the checks for unread responses and idle connections. */
  checkInterval: number;
  /** Timeout of an idle connection. */
  keepAlive: number;
}

/** The defaults limit how long a client that sends or reads too slowly may hold a connection. */
const defaultTimeouts: Timeouts = {
  head: 10_000,
  request: 30_000,
  unread: 30_000,
  checkInterval: 1_000,
  // Longer than proxies keep their idle connections (60 s by default in nginx and in load balancers
  // of AWS): otherwise a proxy could send a request on a connection that the service is closing.
  keepAlive: 72_000,
};

export interface AppOptions {
  /** Modules in addition to the application's own. */
  imports?: Imports;
  logger?: LoggerService | false;
  timeouts?: Partial<Timeouts>;
}

/**
 * Creates the application, ready to listen. Everything that is not a provider is set up here.
 *
 * @throws StartError if the database or a key cannot be used
 */
export async function createApp(
  config: AppConfig,
  {
    imports = [],
    logger = new ServiceLogger({ json: config.production, level: config.logLevel }),
    timeouts = {},
  }: AppOptions = {},
): Promise<NestFastifyApplication> {
  // The database and the keys may log before Nest knows the logger.
  if (logger) Logger.overrideLogger(logger);
  const requests = new AnsweredRequests();
  const servers: Server[] = [];
  const tracing = await createTracing(config);
  const app = await NestFactory.create<NestFastifyApplication>(
    await applicationModule(config, imports, tracing),
    adapterFor(config, { ...defaultTimeouts, ...timeouts }, servers, requests),
    { logger, bodyParser: false, abortOnError: false },
  );
  const instance = app.getHttpAdapter().getInstance();
  await tracing?.watch(instance);
  observeRequests(requests, app, config, logger);
  requests.watchAll(instance);
  sendSecurityHeaders(instance, config);
  prepareLinks(instance, config);
  endTurns(instance);
  tagResponses(instance, config);
  rejectInvalidRequests(instance, config);
  const routes = new RouteMethods(instance);
  if (config.docs) serveDocs(app, config);
  allowOrigins(instance, config, routes, () => [CSRF_HEADER, ...declaredHeaders(app)]);
  answerUnknownRoutes(instance, routes);
  acceptOnlyJson(instance);
  closeRegistration(app, config);
  await app.get(AuthAttemptsService).share(instance);
  drainBeforeClose(app, servers);
  return app;
}

/** Logs and measures requests. */
function observeRequests(
  requests: AnsweredRequests,
  app: NestFastifyApplication,
  config: AppConfig,
  logger: LoggerService | false,
): void {
  if (logger instanceof ServiceLogger) {
    serveRequestLog(app.getHttpAdapter().getInstance(), logger.pino);
    requests.observe(createRequestLog(config, logger));
  }
  const { port, onMainPort } = config.monitoring.metrics;
  if (port !== null || onMainPort) {
    requests.observe(measureRequests(app.get(MetricsService).registry));
  }
}

/** Opens the database, loads the keys, and returns the root module. */
export async function applicationModule(
  config: AppConfig,
  imports: Imports = [],
  tracing?: Tracing,
): Promise<DynamicModule> {
  const database = await openDatabase(config.database);
  const keys = await loadKeys(config.jwt, database).catch(async (error: unknown) => {
    await database.close();
    throw error;
  });
  // After the keys, because each check for changed keys would be a trace of its own.
  tracing?.watchDatabase(database);
  return AppModule.forRoot({ config, keys, database }, imports);
}

/** @param servers receives the HTTP servers of the adapter */
function adapterFor(
  config: AppConfig,
  timeouts: Timeouts,
  servers: Server[],
  requests: AnsweredRequests,
): FastifyAdapter {
  return new FastifyAdapter({
    ...preRoutingErrorHandlers(requests),
    serverFactory: (handle: RequestListener) => {
      const server = createBoundedServer(
        {
          // `rejectInvalidRequests` requires `Host` instead, because Node's response has no body.
          requireHostHeader: false,
          headersTimeout: timeouts.head,
          requestTimeout: timeouts.request,
          connectionsCheckingInterval: timeouts.checkInterval,
        },
        {
          handle: (request, response) => {
            closeAfterFaultyFraming(request, response);
            handle(request, response);
          },
          refuseExpectation: expectationRefusal(requests),
        },
        { maxConnections: connectionsOf(config.limits), ...timeouts },
      );
      servers.push(server);
      return server;
    },
    genReqId: requestIdOf,
    // `createRequestLog` logs requests.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT,
    // No path is longer, so a long id is answered like any other id that does not exist.
    routerOptions: { maxParamLength: 16_384 },
    trustProxy: config.trustedProxies.length > 0 ? [...config.trustedProxies] : false,
    forceCloseConnections: 'idle',
    // The application uses no middleware, and its security must not depend on any.
    skipMiddie: true,
  });
}

/** The maximum number of connections of this process, which gets its share of those of the service. */
function connectionsOf({ maxConnections, workers }: AppConfig['limits']): number {
  return Math.ceil(maxConnections / workers);
}

/**
 * Loads OpenTelemetry only if it is used.
 *
 * @throws StartError if its packages are not installed
 */
async function createTracing({ monitoring }: AppConfig): Promise<Tracing | undefined> {
  if (monitoring.tracing === null) return undefined;
  try {
    const { Tracing } = await import('./tracing/tracing.js');
    return new Tracing(monitoring.tracing);
  } catch (error) {
    if (codeOf(error) !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new StartError(
      'OTEL_EXPORTER_OTLP_ENDPOINT needs optional packages, which are not installed; run npm ci without --omit=optional.',
      { cause: error },
    );
  }
}
