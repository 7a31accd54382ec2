import { Server } from 'node:net';
import type { Server as HttpServer } from 'node:http';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { withDeadline } from './deadline.js';
import { AppConfig } from '../config/app-config.js';
import { closeIdleConnections, hasBusyConnections } from '../http/connections.js';
import { LifecycleService } from './lifecycle.service.js';

/** Milliseconds that current requests have after the listening socket is closed. */
const DRAIN_TIMEOUT = 20_000;
/** Milliseconds that the whole shutdown has after `SHUTDOWN_DELAY`. */
const CLOSE_TIMEOUT = 25_000;
/** The maximum delay between closing the listening socket and idle connections, in milliseconds. */
const MAX_CLOSE_DELAY = 1_000;
/** The maximum number of turns of the event loop to wait for a quiet one. */
const MAX_TURNS = 500;
/** The maximum duration of a quiet turn in milliseconds. */
const MAX_TURN = 0.3;
/** Milliseconds between two checks for current requests. */
const CHECK_INTERVAL = 20;
/**
 * Milliseconds after which a second signal forces the process to end. An earlier one may be the
 * same Ctrl-C, which a terminal and npm may both deliver.
 */
const FORCE_AFTER = 1_000;

/** Ends the process on SIGTERM and SIGINT, with the code 0 if all requests were finished. */
export function shutDownOnSignals(
  app: NestFastifyApplication,
  exit = (code: number): void => process.exit(code),
): void {
  const logger = new Logger('Shutdown');
  let startedAt: number | undefined;
  const receive = (signal: NodeJS.Signals): void => {
    if (startedAt === undefined) {
      startedAt = performance.now();
      void shutDown(app, signal, logger).then(exit);
    } else if (performance.now() - startedAt >= FORCE_AFTER) {
      logger.warn(`Received ${signal} again: ends without waiting for requests.`);
      exit(1);
    }
  };
  process.on('SIGTERM', receive).on('SIGINT', receive);
}

/**
 * Tells load balancers first, by readiness and by `Connection: close`, and serves requests until
 * they have had the time to notice. Then it closes the application.
 *
 * @returns the exit code of the process
 */
async function shutDown(
  app: NestFastifyApplication,
  signal: NodeJS.Signals,
  logger: Logger,
): Promise<number> {
  const { shutdownDelay } = app.get(AppConfig);
  app.get(LifecycleService).stop();
  logger.log(`Received ${signal}: shutting down in ${shutdownDelay} s.`);
  try {
    await sleep(shutdownDelay * 1000);
    // The type of `close` lacks the signal, which it passes to the hooks of providers.
    const close = app.close.bind(app) as (signal: string) => Promise<void>;
    await withDeadline(close(signal), CLOSE_TIMEOUT, 'it took too long');
    return 0;
  } catch (error) {
    logger.error(`The shutdown failed: ${String(error)}`);
    return 1;
  }
}

/**
 * Closes the servers without losing a request: first the listening sockets, then connections as
 * their requests are answered, then idle connections.
 *
 * @param servers of the application; Fastify makes one for each address of `localhost`
 */
export function drainBeforeClose(
  app: NestFastifyApplication,
  servers: readonly HttpServer[],
): void {
  const instance = app.getHttpAdapter().getInstance();
  const lifecycle = app.get(LifecycleService);
  instance.addHook('onSend', (_request, reply, _payload, done) => {
    if (lifecycle.isStopping) reply.header('connection', 'close');
    done();
  });
  instance.addHook('preClose', async () => {
    lifecycle.stop();
    const closeDelay = Math.min(app.get(AppConfig).shutdownDelay * 1000, MAX_CLOSE_DELAY);
    const listening = servers.filter((server) => server.listening);
    await Promise.all(listening.map((server) => drain(server, closeDelay)));
  });
}

async function drain(server: HttpServer, closeDelay: number): Promise<void> {
  await untilQuiet(server);
  // The `close` of an HTTP server would close idle connections, too.
  Server.prototype.close.call(server);
  const deadline = performance.now() + DRAIN_TIMEOUT;
  await sleep(closeDelay);
  closeIdleConnections(server);
  while (hasBusyConnections(server) && performance.now() < deadline) {
    await sleep(CHECK_INTERVAL);
    closeIdleConnections(server);
  }
  server.closeAllConnections();
}

/**
 * Waits for a turn of the event loop in which no client connects. When the listening socket closes,
 * the system resets connections that have not been accepted, so it should close when there are
 * none.
 */
async function untilQuiet(server: HttpServer): Promise<void> {
  let isQuiet = false;
  const onConnection = () => (isQuiet = false);
  server.on('connection', onConnection);
  for (let turn = 0; turn < MAX_TURNS && !isQuiet; turn++) {
    const startedAt = performance.now();
    isQuiet = true;
    await nextTurn();
    // A client may have connected while other work was done.
    if (performance.now() - startedAt > MAX_TURN) isQuiet = false;
  }
  server.off('connection', onConnection);
}
