import 'reflect-metadata';
import type { Socket } from 'node:net';
import { ConsoleLogger, type LoggerService, type ModuleMetadata } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import { AppModule } from './app.module.js';
import { errorBody, genericKind } from './common/api-error.js';
import type { AppConfig } from './config/app-config.js';
import { acceptJsonAlone, BODY_LIMIT } from './http/json-body.js';
import { countAuthAttempts } from './http/rate-limit.guard.js';
import { answerUnknownRoutes } from './http/unknown-route.js';
import { serveDocs } from './openapi.js';

export interface AppOptions {
  /** Modules beside the application's own. */
  imports?: NonNullable<ModuleMetadata['imports']>;
  logger?: LoggerService | false;
}

/** Makes the application, ready to listen. Everything that is no provider is set up here. */
export async function createApp(
  config: AppConfig,
  { imports = [], logger = new ConsoleLogger({ json: config.production }) }: AppOptions = {},
): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.forRoot(config, imports),
    adapterFor(config),
    { logger, bodyParser: false, abortOnError: false },
  );
  const instance = app.getHttpAdapter().getInstance();
  answerUnknownRoutes(instance);
  acceptJsonAlone(instance);
  await countAuthAttempts(instance, config.authRateLimit);
  hangUpWhenClosing(instance);
  if (config.docs) serveDocs(app, config);
  app.enableShutdownHooks();
  return app;
}

function adapterFor(config: AppConfig): FastifyAdapter {
  return new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    // A request whose head or body trickles in is cut off after half a minute.
    requestTimeout: 30_000,
    trustProxy: config.trustedProxies.length > 0 ? [...config.trustedProxies] : false,
    forceCloseConnections: 'idle',
    clientErrorHandler: answerBrokenRequest,
    // The router gives up on a path that is no URL before any handler could answer.
    frameworkErrors: ({ statusCode = 400 }: FastifyError, _: unknown, reply: FastifyReply) => {
      void reply.status(statusCode).send(errorBody(genericKind(statusCode)));
    },
    // No middleware is used, and security must not rest on any.
    skipMiddie: true,
  });
}

/**
 * A connection that was answering when the shutdown began is closed as soon as it is idle. Fastify
 * closes those that are idle at that moment, and would wait for the others' keep-alive to run out.
 */
function hangUpWhenClosing(instance: FastifyInstance): void {
  instance.addHook('preClose', (done) => {
    const timer = setInterval(() => instance.server.closeIdleConnections(), 50);
    instance.server.once('close', () => clearInterval(timer));
    done();
  });
}

/** For requests that are no HTTP: Node's parser gives up before any handler could answer. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const status =
    { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 }[error.code ?? ''] ?? 400;
  const body = errorBody(genericKind(status));
  const json = JSON.stringify(body);
  socket.end(
    [
      `HTTP/1.1 ${status} ${body.error}`,
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(json)}`,
      'Connection: close',
      '',
      json,
    ].join('\r\n'),
  );
}
