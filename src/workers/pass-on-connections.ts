import type { Worker } from 'node:cluster';

/** A connection that Node's `cluster` sends to a worker. */
interface Connection {
  /** Negative after `close`, which `cluster` calls as soon as the worker has accepted it. */
  fd: number;
  close: () => void;
}

/** More than the addresses and ports on which a worker listens. */
const MAX_KEPT = 16;

/**
 * Passes connections on that were being sent to a worker when it ended. Node waits for the worker to
 * accept them, and keeps them open for as long as the primary runs, so that their clients would get
 * no answer. It sends a worker one connection of each address and port at a time.
 *
 * A worker accepts a connection before it reads from it. The channel has been read to its end before
 * `close`, so no connection that it has accepted is passed on.
 *
 * @param another returns a worker that serves requests; undefined if there is none
 */
export function passOnConnections(
  { process: child }: Pick<Worker, 'process'>,
  another: () => Pick<Worker, 'process'> | undefined,
): void {
  const sent: { message: object; connection: Connection }[] = [];
  const send = child.send.bind(child) as (...parameters: unknown[]) => boolean;
  child.send = (...parameters: unknown[]): boolean => {
    const [message, connection] = parameters;
    if (isConnection(connection)) sent.push({ message: message as object, connection });
    if (sent.length > MAX_KEPT) sent.shift();
    return send(...parameters);
  };
  child.once('close', () => {
    // If the worker has not acknowledged a connection, Node does not emit this event, and `cluster`
    // would go on to choose the worker for new connections.
    child.emit('disconnect');
    for (const { message, connection } of sent) {
      if (connection.fd < 0) continue;
      const worker = another();
      // The number in the message tells `cluster` which connection a worker has accepted.
      if (worker) worker.process.send(message, connection as never);
      else connection.close();
    }
  });
}

function isConnection(handle: unknown): handle is Connection {
  const { fd, close } = (handle ?? {}) as Partial<Connection>;
  return typeof fd === 'number' && typeof close === 'function';
}
