import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';

/** Requests of one connection that are accepted and not answered. */
const MAX_IN_FLIGHT = 16;
/** As above, together with those that came in one piece with them: up to 64 KiB are read at once. */
const MAX_RECEIVED = 256;

export interface ConnectionLimits {
  /**
   * Connections that are open at once. A further one takes the place of the connection that has been
   * idle for the longest time. If none is idle, it is closed before it is read.
   */
  maxConnections: number;
  /** Milliseconds that a connection may be idle. */
  keepAlive: number;
  /** Milliseconds that a client may leave an answer without taking any of it. */
  unread: number;
  /** Milliseconds between two looks at what was taken, and at what is idle. */
  look: number;
}

export interface Handlers {
  handle: RequestListener;
  /** For a request with an unknown expectation, which Node would answer by itself. */
  refuseExpectation: RequestListener;
}

/**
 * A server whose connections are bounded, in number and in what each of them may hold.
 *
 * The requests of a connection are handled one after the other: a pipelined one (RFC 9112, section
 * 9.3.2) begins when the answer before it has left the process. So a client that never reads has
 * one answer in memory, and one that sends hundreds of requests at once takes one place in any queue.
 *
 * A connection is idle if it has no request under way. A request begins when its head is complete:
 * bytes before that (an incomplete head, or the line breaks that RFC 9112, section 2.2, allows) do not
 * keep a connection open.
 */
export function createBoundedServer(
  options: ServerOptions,
  { handle, refuseExpectation }: Handlers,
  { maxConnections, keepAlive, unread, look }: ConnectionLimits,
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
  }, look).unref();
  server.once('close', () => clearInterval(timer));
  connectionsOf.set(server, open);
  return server;
}

/** @returns whether there is room for one more: all connections may have a request under way */
function makeRoom(open: OpenConnections, maxConnections: number): boolean {
  if (open.busy.size + open.idle.size < maxConnections) return true;
  const [longestIdle] = open.idle;
  longestIdle?.close();
  return longestIdle !== undefined;
}

/**
 * Node keeps an address that was read, and has none any more when the client has reset the connection:
 * its requests would be counted and recorded without one.
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
 * Milliseconds after which a connection is closed that should have been closed by Node, which itself
 * waits for a second longer than it announces.
 */
const CLOSE_DELAY = 2000;

interface OpenConnections {
  /** With a request under way. */
  busy: Set<Connection>;
  /** The others, in the order in which they became idle. */
  idle: Set<Connection>;
}

interface WaitingRequest {
  handle: () => void;
  response: ServerResponse;
}

class Connection {
  private readonly waiting: WaitingRequest[] = [];
  private isBusy = false;
  private isPaused = false;
  /** Unread bytes at the last check, and the time since which they have not changed. */
  private unread = '';
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
    // Behind an answer that closes the connection a request could be done, but not answered.
    if (this.socket.destroyed || this.socket.writableEnded) return;
    if (!this.isBusy) return this.handle({ handle, response });
    this.waiting.push({ handle, response });
    const received = this.waiting.length + 1;
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

  /** Its place is free at once, although the system closes it later. */
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
      // A regular end would wait for the client to take what is left.
      this.socket.resetAndDestroy();
    }
  }

  private handle({ handle, response }: WaitingRequest): void {
    this.isBusy = true;
    this.open.idle.delete(this);
    this.open.busy.add(this);
    response.once('close', () => this.next());
    handle();
  }

  private next(): void {
    this.isBusy = false;
    this.open.busy.delete(this);
    // An answer that closes the connection is its last: what came behind it is not handled.
    if (this.socket.destroyed) return this.forget();
    this.becomeIdle();
    if (this.socket.writableEnded) return void (this.waiting.length = 0);
    const next = this.waiting.shift();
    if (next) this.handle(next);
    if (this.isPaused && this.waiting.length + 1 < MAX_IN_FLIGHT) {
      this.isPaused = false;
      this.socket.resume();
    }
  }

  private becomeIdle(): void {
    this.idleSince = performance.now();
    this.open.idle.add(this);
  }

  private forget(): void {
    this.waiting.length = 0;
    this.open.busy.delete(this);
    this.open.idle.delete(this);
  }
}

const NOTHING = '0 0';

/**
 * Bytes that the client has not taken: those in Node's buffer, and those of the write that the system
 * is at. The second number is how Node itself tells whether a socket is idle.
 */
function unreadOf(socket: Socket): string {
  const { _handle: handle } = socket as Socket & { _handle?: { writeQueueSize?: number } | null };
  return `${socket.writableLength} ${handle?.writeQueueSize ?? 0}`;
}
