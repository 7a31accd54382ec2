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
  /** Connections that are open at once; further ones are closed before they are read. */
  maxConnections: number;
  /** Milliseconds that a client may leave an answer without taking any of it. */
  unread: number;
  /** Milliseconds between two looks at what was taken. */
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
 */
export function createBoundedServer(
  options: ServerOptions,
  { handle, refuseExpectation }: Handlers,
  { maxConnections, unread, look }: ConnectionLimits,
): Server {
  const busy = new Set<Connection>();
  const connections = new WeakMap<Socket, Connection>();
  const connectionOf = (socket: Socket): Connection => {
    const known = connections.get(socket);
    if (known) return known;
    const connection = new Connection(socket, busy);
    connections.set(socket, connection);
    return connection;
  };
  const server = createServer(options, (request, response) => {
    connectionOf(request.socket).accept(() => handle(request, response), response);
  });
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    connectionOf(request.socket).accept(() => refuseExpectation(request, response), response);
  });
  server.maxConnections = maxConnections;
  const timer = setInterval(() => {
    const now = performance.now();
    for (const connection of busy) connection.closeIfUnread(now, unread);
  }, look);
  timer.unref();
  server.once('close', () => clearInterval(timer));
  return server;
}

interface WaitingRequest {
  handle: () => void;
  response: ServerResponse;
}

class Connection {
  private readonly waiting: WaitingRequest[] = [];
  private isBusy = false;
  private isPaused = false;
  /** What was not taken at the last look, and since when it has been as much. */
  private unread = '';
  private unreadSince = 0;

  constructor(
    private readonly socket: Socket,
    private readonly busy: Set<Connection>,
  ) {
    // Node resumes the socket whenever it reads a body.
    socket.on('resume', () => {
      if (this.isPaused) socket.pause();
    });
    socket.once('close', () => this.forget());
  }

  accept(handle: () => void, response: ServerResponse): void {
    if (this.socket.destroyed) return;
    if (!this.isBusy) return this.handle({ handle, response });
    this.waiting.push({ handle, response });
    const received = this.waiting.length + 1;
    if (received > MAX_RECEIVED) this.socket.resetAndDestroy();
    else if (received >= MAX_IN_FLIGHT && !this.isPaused) {
      this.isPaused = true;
      this.socket.pause();
    }
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
    this.busy.add(this);
    response.once('close', () => this.next());
    handle();
  }

  private next(): void {
    this.isBusy = false;
    this.busy.delete(this);
    // An answer that closes the connection is its last: what came behind it is not handled.
    if (this.socket.destroyed || this.socket.writableEnded) return this.forget();
    const next = this.waiting.shift();
    if (next) this.handle(next);
    if (this.isPaused && this.waiting.length + 1 < MAX_IN_FLIGHT) {
      this.isPaused = false;
      this.socket.resume();
    }
  }

  private forget(): void {
    this.waiting.length = 0;
    this.busy.delete(this);
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
