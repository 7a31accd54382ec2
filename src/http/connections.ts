import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';

/** The number of unanswered requests at which a connection is no longer read. */
const MAX_IN_FLIGHT = 16;
/**
 * Number of unanswered requests beyond which the connection is reset. A single read of up to 64 KiB
 * can deliver more than `MAX_IN_FLIGHT`.
 */
const MAX_RECEIVED = 256;

interface ConnectionLimits {
  /**
   * The maximum number of open connections. A further one replaces the connection that has been
   * idle for the longest time. If none is idle, the new one is closed before it is read.
   */
  maxConnections: number;
  /** Milliseconds that a connection may be idle. */
  keepAlive: number;
  /** Milliseconds for which a client may leave a response completely unread. */
  unread: number;
  /** Milliseconds between two checks for unread responses and idle connections. */
  checkInterval: number;
}

interface Handlers {
  handle: RequestListener;
  /** Answers a request with an unknown expectation, which Node would otherwise answer itself. */
  refuseExpectation: RequestListener;
}

/**
 * Creates a server that limits the number of its connections, and the memory that each may use.
 *
 * The requests of a connection are handled one after another: a pipelined request (RFC 9112,
 * section 9.3.2) begins when the previous response has left the process. So a client that never
 * reads keeps one response in memory, and one that sends hundreds of requests at once takes one
 * place in any queue.
 *
 * A connection is idle if it has no request under way. A request begins when its head is complete:
 * bytes before that (an incomplete head, or the line breaks that RFC 9112, section 2.2, allows) do
 * not keep a connection open.
 */
export function createBoundedServer(
  options: ServerOptions,
  { handle, refuseExpectation }: Handlers,
  { maxConnections, keepAlive, unread, checkInterval }: ConnectionLimits,
): Server {
  const open: OpenConnections = { busy: new Set(), idle: new Set() };
  const connections = new WeakMap<Socket, Connection>();
  const connectionOf = (socket: Socket): Connection => {
    const known = connections.get(socket);
    if (known) return known;
    const connection = new Connection(socket, open);
    connections.set(socket, connection);
    return connection;
  };
  const server = createServer({ ...options, keepAliveTimeout: keepAlive }, (request, response) => {
    connectionOf(request.socket).accept(() => handle(request, response), response);
  });
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    connectionOf(request.socket).accept(() => refuseExpectation(request, response), response);
  });
  // Node's own `maxConnections` refuses a connection without an event.
  server.on('connection', (socket) => {
    if (!hasAddress(socket) || !makeRoom(open, maxConnections)) return void socket.destroy();
    connectionOf(socket);
  });
  const timer = setInterval(() => {
    const now = performance.now();
    for (const connection of open.busy) connection.closeIfUnread(now, unread);
    for (const connection of open.idle) {
      if (!connection.isIdleSince(now - keepAlive - CLOSE_DELAY)) break;
      connection.close();
    }
  }, checkInterval).unref();
  server.once('close', () => clearInterval(timer));
  connectionsOf.set(server, open);
  return server;
}

/**
 * Closes the connection that has been idle for the longest time if there are too many.
 *
 * @returns false if there are too many, and none is idle
 */
function makeRoom(open: OpenConnections, maxConnections: number): boolean {
  if (open.busy.size + open.idle.size < maxConnections) return true;
  const [longestIdle] = open.idle;
  longestIdle?.close();
  return longestIdle !== undefined;
}

/**
 * Whether the socket has a remote address. It has none after the client has reset the connection,
 * and requests would be counted and recorded without one. Node keeps an address that has been read
 * once.
 */
function hasAddress(socket: Socket): boolean {
  return socket.remoteAddress !== undefined;
}

const connectionsOf = new WeakMap<Server, OpenConnections>();

/** Whether a request is under way on any connection of a bounded server. */
export function hasBusyConnections(server: Server): boolean {
  return (connectionsOf.get(server)?.busy.size ?? 0) > 0;
}

/** Closes the connections of a bounded server that have no request under way. */
export function closeIdleConnections(server: Server): void {
  for (const connection of connectionsOf.get(server)?.idle ?? []) connection.close();
}

/**
 * Milliseconds after `keepAlive` until an idle connection is closed here. Node should close it
 * before: it waits one second longer than it announces.
 */
const CLOSE_DELAY = 2000;

interface OpenConnections {
  /** Connections with a request under way. */
  busy: Set<Connection>;
  /** All other connections, in the order in which they became idle. */
  idle: Set<Connection>;
}

interface QueuedRequest {
  handle: () => void;
  response: ServerResponse;
}

class Connection {
  private readonly queue: QueuedRequest[] = [];
  private isBusy = false;
  private isPaused = false;
  /** The unread bytes at the last check; see `unreadOf`. */
  private unread = '';
  /** The time since which the unread bytes have not changed. */
  private unreadSince = 0;
  private idleSince = 0;

  constructor(
    private readonly socket: Socket,
    private readonly open: OpenConnections,
  ) {
    this.becomeIdle();
    // Node resumes the socket whenever it reads a body.
    socket.on('resume', () => {
      if (this.isPaused) socket.pause();
    });
    socket.once('close', () => this.forget());
  }

  accept(handle: () => void, response: ServerResponse): void {
    // After a response that closes the connection, no further request can be answered.
    if (this.socket.destroyed || this.socket.writableEnded) return;
    if (!this.isBusy) return this.handle({ handle, response });
    this.queue.push({ handle, response });
    const received = this.queue.length + 1;
    if (received > MAX_RECEIVED) this.socket.resetAndDestroy();
    else if (received >= MAX_IN_FLIGHT && !this.isPaused) {
      this.isPaused = true;
      this.socket.pause();
    }
  }

  /** @param time see `performance.now` */
  isIdleSince(time: number): boolean {
    return this.idleSince <= time;
  }

  /** Frees the place of the connection at once, although the system closes the socket later. */
  close(): void {
    this.forget();
    this.socket.destroy();
  }

  /** @param now see `performance.now` */
  closeIfUnread(now: number, timeout: number): void {
    const unread = unreadOf(this.socket);
    if (unread !== this.unread) {
      this.unread = unread;
      this.unreadSince = now;
    } else if (unread !== NOTHING && now - this.unreadSince >= timeout) {
      // `end` would wait until the client has read the rest.
      this.socket.resetAndDestroy();
    }
  }

  private handle({ handle, response }: QueuedRequest): void {
    this.isBusy = true;
    this.open.idle.delete(this);
    this.open.busy.add(this);
    response.once('close', () => this.next());
    handle();
  }

  private next(): void {
    this.isBusy = false;
    this.open.busy.delete(this);
    // A response that closes the connection is its last one: queued requests are not handled.
    if (this.socket.destroyed) return this.forget();
    this.becomeIdle();
    if (this.socket.writableEnded) return void (this.queue.length = 0);
    const next = this.queue.shift();
    if (next) this.handle(next);
    if (this.isPaused && this.queue.length + 1 < MAX_IN_FLIGHT) {
      this.isPaused = false;
      this.socket.resume();
    }
  }

  private becomeIdle(): void {
    this.idleSince = performance.now();
    this.open.idle.add(this);
  }

  private forget(): void {
    this.queue.length = 0;
    this.open.busy.delete(this);
    this.open.idle.delete(this);
  }
}

const NOTHING = '0 0';

/**
 * Returns two numbers of bytes that the client has not read, as one text to compare: those in
 * Node's buffer, and those of the current write of the system. Node itself uses the second number
 * to tell whether a socket is idle.
 */
function unreadOf(socket: Socket): string {
  const { _handle: handle } = socket as Socket & { _handle?: { writeQueueSize?: number } | null };
  return `${socket.writableLength} ${handle?.writeQueueSize ?? 0}`;
}
