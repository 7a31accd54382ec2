import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Bindings, ChildLoggerOptions, Logger } from 'pino';

/** What pino's methods take: members, a message, or both. */
type Entry = [first: string | object, ...more: unknown[]];

/**
 * Lets `request.log`, `reply.log` and `fastify.log` write to the log. With a logger of its own,
 * Fastify creates a child logger and two listeners for each request, which costs a tenth of a small
 * read.
 */
export function serveRequestLog(instance: FastifyInstance, logger: Logger): void {
  Object.assign(instance, { log: logger });
  instance.addHook('onRequest', (request, reply, done) => {
    assignLogger(logger, request, reply);
    done();
  });
}

function assignLogger(logger: Logger, request: FastifyRequest, reply: FastifyReply): void {
  request.log = new RequestLogger(logger, request.id);
  reply.log = request.log;
}

/** Logs with the id of the request. Most requests log nothing, so the child logger comes late. */
class RequestLogger implements FastifyBaseLogger {
  private own: Logger | undefined;

  constructor(
    private readonly parent: Logger,
    private readonly requestId: string,
  ) {}

  get level(): string {
    return this.logger.level;
  }

  set level(level: string) {
    this.logger.level = level;
  }

  get msgPrefix(): string | undefined {
    return this.logger.msgPrefix;
  }

  fatal(...entry: Entry): void {
    this.logger.fatal(...(entry as [string]));
  }

  error(...entry: Entry): void {
    this.logger.error(...(entry as [string]));
  }

  warn(...entry: Entry): void {
    this.logger.warn(...(entry as [string]));
  }

  info(...entry: Entry): void {
    this.logger.info(...(entry as [string]));
  }

  debug(...entry: Entry): void {
    this.logger.debug(...(entry as [string]));
  }

  trace(...entry: Entry): void {
    this.logger.trace(...(entry as [string]));
  }

  silent(): void {
    // Pino's method logs nothing either.
  }

  child(bindings: Bindings, options?: ChildLoggerOptions): Logger {
    return this.logger.child(bindings, options);
  }

  private get logger(): Logger {
    return (this.own ??= this.parent.child({ request_id: this.requestId }));
  }
}
