import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { AppConfig } from '../config/app-config.js';
import { errorBody, genericKind } from '../errors/api-error.js';
import { messageOf } from '../errors/error-message.js';
import { StartError } from '../errors/start-error.js';
import { isFirstProcess } from '../workers/worker-channel.js';
import { MetricsService, processRegistry } from './metrics.service.js';

/** Milliseconds. A client that is slower loses its connection. */
const TIMEOUT = 10_000;
/** Prometheus keeps one connection. */
const MAX_CONNECTIONS = 20;

/**
 * Serves `GET /metrics` on `METRICS_PORT`, until the application has shut down. It is a server of
 * its own, so that the port of the API does not show the metrics to clients.
 */
@Injectable()
export class MetricsServer implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(MetricsServer.name);
  private server: Server | undefined;

  constructor(
    private readonly config: AppConfig,
    private readonly metrics: MetricsService,
  ) {}

  /** The port on which it listens; null without `METRICS_PORT`. */
  get port(): number | null {
    return this.server ? (this.server.address() as AddressInfo).port : null;
  }

  /** @throws StartError if the port cannot be used */
  async onApplicationBootstrap(): Promise<void> {
    const { port, host } = this.config.monitoring.metrics;
    if (port === null) return;
    processRegistry();
    const server = createServer(
      { requestTimeout: TIMEOUT, headersTimeout: TIMEOUT },
      (request, response) => void this.answer(request, response),
    );
    server.maxConnections = MAX_CONNECTIONS;
    try {
      await once(server.listen(port, host), 'listening');
    } catch (error) {
      throw new StartError(
        `The metrics cannot be served: ${messageOf(error)}; set METRICS_PORT to a free port, and METRICS_HOST to an address of this machine.`,
        { cause: error },
      );
    }
    this.server = server;
    const name = host.includes(':') ? `[${host}]` : host;
    if (isFirstProcess) this.logger.log(`Metrics: http://${name}:${this.port}/metrics`);
  }

  async onApplicationShutdown(): Promise<void> {
    const { server } = this;
    if (!server) return;
    this.server = undefined;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }

  private async answer({ method = '', url = '' }: IncomingMessage, response: ServerResponse) {
    const [path] = url.split('?', 1);
    response.setHeader('cache-control', 'no-store');
    if (path !== '/metrics') return sendError(response, 404);
    if (method !== 'GET' && method !== 'HEAD') {
      return sendError(response.setHeader('allow', 'GET, HEAD'), 405);
    }
    try {
      const text = await this.metrics.text();
      response.setHeader('content-type', this.metrics.contentType);
      response.setHeader('content-length', Buffer.byteLength(text));
      response.end(method === 'HEAD' ? undefined : text);
    } catch (error) {
      this.logger.error(`The metrics cannot be collected: ${messageOf(error)}`);
      sendError(response, 500);
    }
  }
}

function sendError(response: ServerResponse, status: number): void {
  response.statusCode = status;
  response.setHeader('content-type', 'application/json; charset=utf-8');
  response.end(JSON.stringify(errorBody(genericKind(status))));
}
