import { Server } from 'node:net';
import type { Server as HttpServer } from 'node:http';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { withDeadline } from './deadline.js';
import { AppConfig } from '../config/app-config.js';
import { closeIdleConnections, hasBusyConnections } from '../http/connections.js';
import { LifecycleService } from './lifecycle.service.js';

/** Milliseconds that requests under way have after the listening socket is closed. */
const DRAIN_TIMEOUT = 20_000;
/** Milliseconds that all of the shutdown has after `SHUTDOWN_DELAY`. */
const CLOSE_TIMEOUT = 25_000;
/** Milliseconds at most that idle connections outlive the listening socket. */
const MAX_CLOSE_DELAY = 1_000;
/** Turns of the event loop that are waited for until one is quiet, and its duration in milliseconds. */
const MAX_TURNS = 500;
const MAX_TURN = 0.3;
/** Milliseconds between two looks at what is under way. */
const CHECK_INTERVAL = 20;
/**
 * Milliseconds after which a second signal forces the end. A terminal and npm may both deliver one
 * Ctrl-C.
 */
const FORCE_AFTER = 1_000;

/** Ends the process on SIGTERM and SIGINT: with 0 when all that was under way is finished. */
export function shutDownOnSignals(
  app: NestFastifyApplication,
  exit = (code: number): void => process.exit(code),
): void {
  const logger = new Logger('Shutdown');
  let begun: number | undefined;
  const receive = (signal: NodeJS.Signals): void => {
    if (begun === undefined) {
      begun = performance.now();
      void shutDown(app, signal, logger).then(exit);
    } else if (performance.now() - begun >= FORCE_AFTER) {
      logger.warn(`Received ${signal} again: ends with requests under way.`);
      exit(1);
    }
  };
  process.on('SIGTERM', receive).on('SIGINT', receive);
}

/**
 * Tells load balancers first, by readiness and by `Connection: close`, and serves requests until they
 * have had the time to notice.
 *
 * @returns the code that the process ends with
 */
async function shutDown(
  app: NestFastifyApplication,
  signal: NodeJS.Signals,
  logger: Logger,
): Promise<number> {
  const { shutdownDelay } = app.get(AppConfig);
  app.get(LifecycleService).stop();
  logger.log(`Received ${signal}: shuts down after ${shutdownDelay} s.`);
  try {
    await sleep(shutdownDelay * 1000);
    // Its type leaves out the signal, which it gives to the hooks of providers.
    const close = app.close.bind(app) as (signal: string) => Promise<void>;
    await withDeadline(close(signal), CLOSE_TIMEOUT, 'it takes too long');
    return 0;
  } catch (error) {
    logger.error(`The shutdown failed: ${String(error)}`);
    return 1;
  }
}

/**
 * Closes in the order in which no request is lost: the listening socket, then connections as their
 * requests are answered, then idle ones.
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
    const linger = Math.min(app.get(AppConfig).shutdownDelay * 1000, MAX_CLOSE_DELAY);
    const listening = servers.filter((server) => server.listening);
    await Promise.all(listening.map((server) => drain(server, linger)));
  });
}

async function drain(server: HttpServer, linger: number): Promise<void> {
  await untilQuiet(server);
  // The `close` of an HTTP server would close idle connections, too.
  Server.prototype.close.call(server);
  const deadline = performance.now() + DRAIN_TIMEOUT;
  await sleep(linger);
  closeIdleConnections(server);
  while (hasBusyConnections(server) && performance.now() < deadline) {
    await sleep(CHECK_INTERVAL);
    closeIdleConnections(server);
  }
  server.closeAllConnections();
}

/**
 * Waits for a turn of the event loop in which no client connected. The system resets connections that
 * were made and not accepted when the socket closes, so that it is closed when there are none.
 */
async function untilQuiet(server: HttpServer): Promise<void> {
  let isQuiet = false;
  const note = () => (isQuiet = false);
  server.on('connection', note);
  for (let turn = 0; turn < MAX_TURNS && !isQuiet; turn++) {
    const begun = performance.now();
    isQuiet = true;
    await nextTurn();
    // A client may have connected while other work was done.
    if (performance.now() - begun > MAX_TURN) isQuiet = false;
  }
  server.off('connection', note);
}
