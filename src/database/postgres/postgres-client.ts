import { connect } from 'node:net';
import pg from 'pg';

/**
 * Milliseconds that the server has: for a query of which nothing else is said, for an expensive read,
 * for a check of its readiness, and in a transaction for a lock and for a statement. The last two are
 * shorter than `query`, so that a connection survives a lock that another client holds.
 */
export const timeouts = {
  query: 5_000,
  expensive: 8_000,
  check: 2_000,
  lock: 4_000,
  statement: 4_500,
};
/** Milliseconds that the server has to close a connection. */
const CLOSE_TIMEOUT = 1_000;
/** Statements that get a name at most. A server keeps named statements as long as their connection. */
const MAX_NAMES = 500;

/**
 * Begins a transaction with its timeouts. They are set with the transaction, since pgbouncer passes on
 * no setting of a connection. An instance that stops in the middle of a transaction keeps its locks for
 * `idle_in_transaction_session_timeout`.
 */
function startTransaction(): string {
  return `START TRANSACTION; SET LOCAL lock_timeout = ${timeouts.lock};
    SET LOCAL statement_timeout = ${timeouts.statement};
    SET LOCAL idle_in_transaction_session_timeout = 10000`;
}

/** A query, with the milliseconds that the server has for it. */
export interface TimedQuery extends pg.QueryConfig {
  timeout?: number;
}

interface Options extends pg.ClientConfig {
  group: ConnectionGroup;
}

/** The connections of one pool. */
export class ConnectionGroup {
  private readonly clients = new Set<PostgresClient>();
  private readonly names = new Map<string, string>();

  /** @param prepare whether statements get a name, by which the server parses and plans them once */
  constructor(private readonly prepare: boolean) {}

  add(client: PostgresClient): void {
    this.clients.add(client);
    client.once('end', () => this.clients.delete(client));
  }

  /**
   * Closes idle connections, as they may lead to a server that is frozen or was demoted. The pool makes
   * new ones.
   *
   * @param silentSince closes those alone that have not answered since then; see `performance.now`
   */
  dropIdle(silentSince = Infinity): void {
    for (const client of this.clients) {
      if (client.isIdle && client.answeredAt < silentSince) client.drop();
    }
  }

  nameOf(text: string): string | undefined {
    if (!this.prepare) return undefined;
    const known = this.names.get(text);
    if (known !== undefined || this.names.size >= MAX_NAMES) return known;
    const name = `s${this.names.size}`;
    this.names.set(text, name);
    return name;
  }
}

type Query = (query: string | TimedQuery, values?: unknown[], callback?: unknown) => unknown;

/**
 * A connection that does not outlive a query without an answer. `statement_timeout` is the server's own
 * job, which a frozen or unreachable server does not do.
 */
export class PostgresClient extends pg.Client {
  /** When the server last finished a query; see `performance.now`. */
  answeredAt = performance.now();
  private timer: NodeJS.Timeout | undefined;
  private readonly group: ConnectionGroup;

  constructor(options: Options) {
    super(options);
    this.group = options.group;
    this.group.add(this);
    // `pg` overloads it, which a method could not repeat without `any`.
    this.query = ((...query: Parameters<Query>) => this.run(...query)) as pg.Client['query'];
    this.on('drain', () => this.stopTimer()).on('end', () => this.stopTimer());
    // Between its uses the pool and TypeORM take their listeners off. A connection that the server ends
    // at such a moment would end the process; its next query fails anyway.
    this.on('error', () => undefined);
  }

  /** Whether it runs no query and is in no transaction. */
  get isIdle(): boolean {
    return this.timer === undefined && this.getTransactionStatus() === 'I';
  }

  /** Closes the connection. Its queries fail with the error. */
  drop(error?: Error): void {
    this.connection.stream.destroy(error);
  }

  /** A server that does not answer would never close it. */
  override end(callback?: (error: Error) => void): Promise<void> {
    setTimeout(() => this.drop(), CLOSE_TIMEOUT).unref();
    return callback ? (super.end(callback), Promise.resolve()) : super.end();
  }

  private run(query: string | TimedQuery, values?: unknown[], callback?: unknown): unknown {
    const given: TimedQuery = typeof query === 'string' ? { text: query } : query;
    const { text, timeout = timeouts.query } = given;
    this.startTimer(timeout);
    if (text === 'START TRANSACTION') {
      return (super.query as Query)(startTransaction(), values, callback);
    }
    const hasValues = (given.values ?? values ?? []).length > 0;
    const name = hasValues ? this.group.nameOf(text) : undefined;
    return (super.query as Query)(name ? { ...given, name } : query, values, callback);
  }

  /** Queries on one connection follow each other; each begins the time anew. */
  private startTimer(timeout: number): void {
    clearTimeout(this.timer);
    if (this.connection.stream.destroyed) return;
    const begun = performance.now();
    // An answer may have come while this process was held up; it is read before the next turn.
    const timer = setTimeout(() => {
      setImmediate(() => {
        if (this.timer === timer) this.expire(begun, timeout);
      });
    }, timeout);
    this.timer = timer;
  }

  private expire(begun: number, timeout: number): void {
    cancel(this);
    const message = `The server did not answer a query within ${timeout / 1000} s.`;
    this.drop(Object.assign(new Error(message), { code: 'ETIMEDOUT' }));
    // They would cost a request each its time.
    this.group.dropIdle(begun);
  }

  private stopTimer(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.answeredAt = performance.now();
  }
}

/**
 * Asks the server to cancel what the connection does, so that it does not go on for a caller who is
 * gone (PostgreSQL manual, section "Canceling Requests in Progress").
 */
function cancel(client: pg.Client): void {
  const { host, port } = client;
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
  const request = Buffer.alloc(16);
  [16, 80_877_102, processID, secretKey].forEach((word, index) => {
    request.writeInt32BE(word, 4 * index);
  });
  const path = `${host}/.s.PGSQL.${port}`;
  const socket = connect(host.startsWith('/') ? { path } : { host, port }).unref();
  socket.setTimeout(CLOSE_TIMEOUT, () => socket.destroy()).on('error', () => socket.destroy());
  socket.end(request);
}
