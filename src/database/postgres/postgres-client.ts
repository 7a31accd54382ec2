import { connect } from 'node:net';
import pg from 'pg';

/**
 * Timeouts in milliseconds. `lock` and `statement` are shorter than `query`, so that a connection
 * survives a lock that another client holds.
 */
export const timeouts = {
  /** For queries that set no other timeout. */
  query: 5_000,
  /** For expensive reads. */
  expensive: 8_000,
  /** For readiness checks. */
  check: 2_000,
  /** For a lock in a transaction; the server enforces it. */
  lock: 4_000,
  /** For a statement in a transaction; the server enforces it. */
  statement: 4_500,
};
/** Milliseconds that the server has to close a connection. */
const CLOSE_TIMEOUT = 1_000;
/** The maximum number of named statements. The server keeps them until the connection closes. */
const MAX_NAMES = 500;

/**
 * Returns the SQL that starts a transaction and sets its timeouts. Each transaction sets them,
 * because pgbouncer does not forward settings of a connection. If an instance freezes in a
 * transaction, the server releases its locks after `idle_in_transaction_session_timeout`.
 */
function startTransaction(): string {
  return `START TRANSACTION; SET LOCAL lock_timeout = ${timeouts.lock};
    SET LOCAL statement_timeout = ${timeouts.statement};
    SET LOCAL idle_in_transaction_session_timeout = 10000`;
}

/** A query with its timeout in milliseconds. */
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
   * Closes idle connections, because their server may be frozen, or may no longer be the primary.
   * The pool opens new ones.
   *
   * @param silentSince closes only connections without an answer since then; see `performance.now`
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
 * A connection that closes itself if a query is not answered in time. `statement_timeout` does not
 * replace this, because a frozen or unreachable server cannot enforce it.
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
    // `pg` overloads `query`. A method could not repeat the overloads without `any`.
    this.query = ((...query: Parameters<Query>) => this.run(...query)) as pg.Client['query'];
    this.on('drain', () => this.stopTimer()).on('end', () => this.stopTimer());
    // The pool and TypeORM remove their listeners between uses. If the server closes the connection
    // then, the error must not end the process. The next query fails anyway.
    this.on('error', () => undefined);
  }

  /** Whether the connection runs no query and is in no transaction. */
  get isIdle(): boolean {
    return this.timer === undefined && this.getTransactionStatus() === 'I';
  }

  /** Closes the connection. Its queries fail with the error. */
  drop(error?: Error): void {
    this.connection.stream.destroy(error);
  }

  /** Closes the connection, even if the server does not answer. */
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

  /** Queries on one connection run one after another; each restarts the timer. */
  private startTimer(timeout: number): void {
    clearTimeout(this.timer);
    if (this.connection.stream.destroyed) return;
    const startedAt = performance.now();
    // If the event loop was blocked, an answer may have arrived: it is read before `setImmediate`.
    const timer = setTimeout(() => {
      setImmediate(() => {
        if (this.timer === timer) this.expire(startedAt, timeout);
      });
    }, timeout);
    this.timer = timer;
  }

  private expire(startedAt: number, timeout: number): void {
    cancel(this);
    const message = `The server did not answer a query within ${timeout / 1000} s.`;
    this.drop(Object.assign(new Error(message), { code: 'ETIMEDOUT' }));
    // The other connections may be broken, too, and each would cost a request its timeout.
    this.group.dropIdle(startedAt);
  }

  private stopTimer(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.answeredAt = performance.now();
  }
}

/**
 * Asks the server to cancel the query of the connection, whose caller no longer waits for it
 * (PostgreSQL manual, section "Canceling Requests in Progress").
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
