import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ApiError, errorBody, genericKind } from '../errors/api-error.js';
import type { AppConfig } from '../config/app-config.js';
import { linksNameHost } from './links.js';
import { REQUEST_ID_HEADER, requestIdOf } from './request-id.js';
import { securityHeaders } from './security-headers.js';

/** Lines of a request's head. */
const MAX_HEADERS = 100;
/** A name or an address, and maybe a port (RFC 3986, section 3.2.2, less what no real name has). */
const HOST = /^(?:[\w.~-]*|\[[\da-f:.]+\])(?::\d*)?$/i;
const isHttp = (protocol: string) => protocol === 'http' || protocol === 'https';
/** Milliseconds that a client has to read why it was refused. */
const HANG_UP_AFTER = 1_000;

/** Options that make Fastify and Node answer in the one shape where no handler is reached. */
export const answersBeforeRouting = {
  clientErrorHandler: answerBrokenRequest,
  // The router gives up on a path that is no URL before any handler could answer.
  frameworkErrors: (
    { statusCode = 400 }: FastifyError,
    { id }: FastifyRequest,
    reply: FastifyReply,
  ) => {
    void reply
      .headers({ ...securityHeaders, [REQUEST_ID_HEADER]: id })
      .status(statusCode)
      .send(errorBody(genericKind(statusCode)));
  },
  // What comes while the service shuts down is served; see `drainBeforeClose`.
  return503OnClosing: false,
};

/** @param config says whether the forwarded host becomes part of links, and has to be one */
export function refuseOddRequests(
  instance: FastifyInstance,
  config: Pick<AppConfig, 'web' | 'production'>,
): void {
  const forwardedCounts = linksNameHost(config);
  // Node drops those beyond without a word, and with them maybe a second token.
  instance.server.maxHeadersCount = MAX_HEADERS + 1;
  instance.addHook('onRequest', (request, _reply, done) => {
    if (hasTooManyHeaders(request.raw)) return done(new ApiError(genericKind(431)));
    if (isFaultyFraming(request.raw)) {
      return done(new ApiError(genericKind(400), { cause: 'HTTP/1.0 with Transfer-Encoding' }));
    }
    const good =
      namesOneHost(request.raw) &&
      HOST.test(request.raw.headers.host ?? '') &&
      (!forwardedCounts || (HOST.test(request.host) && isHttp(request.protocol)));
    done(good ? undefined : new ApiError(genericKind(400), { cause: 'Host' }));
  });
}

/**
 * Closes the connection after the answer to a request with faulty framing, or with too many headers:
 * Node drops some of those, and its framing may be among them. Hooks would miss a path that is no URL,
 * which is refused before any of them runs.
 */
export function closeAfterFaultyFraming(request: IncomingMessage, answer: ServerResponse): void {
  if (hasTooManyHeaders(request) || isFaultyFraming(request)) answer.shouldKeepAlive = false;
}

function hasTooManyHeaders({ rawHeaders }: IncomingMessage): boolean {
  return rawHeaders.length > 2 * MAX_HEADERS;
}

/**
 * HTTP/1.0 knows no chunks: a proxy of that version may see the end of the request elsewhere (RFC
 * 9112, section 6.1). The connection has to be closed, as what follows may be part of the body.
 */
function isFaultyFraming({ httpVersion, headers }: IncomingMessage): boolean {
  return httpVersion === '1.0' && headers['transfer-encoding'] !== undefined;
}

/** RFC 9110, section 10.1.1: for anything but `100-continue`. */
export function refuseExpectation(request: IncomingMessage, answer: ServerResponse): void {
  answer.writeHead(417, {
    ...securityHeaders,
    [REQUEST_ID_HEADER]: requestIdOf(request),
    'content-type': 'application/json; charset=utf-8',
  });
  answer.end(JSON.stringify(errorBody(genericKind(417))));
}

/**
 * Whether the request says once which host it is for, in characters of an address (RFC 9112, section
 * 3.2): it becomes part of the links that we answer with. HTTP/1.0 need not say.
 */
function namesOneHost({ httpVersion, headers, rawHeaders }: IncomingMessage): boolean {
  const { host } = headers;
  if (host === undefined) return httpVersion === '1.0';
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts === 1;
}

/** For requests that are no HTTP: Node's parser gives up before any handler could answer. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  // What was asked for before is answered first (RFC 9112, section 9.3.2).
  const { _httpMessage: due, parser } = socket as Socket & {
    _httpMessage?: ServerResponse | null;
    parser?: { incoming?: IncomingMessage | null } | null;
  };
  const arriving = parser?.incoming;
  // The body of a request that has its answer already: another would be taken for the next one's.
  if (arriving?.complete === false && (due?.req !== arriving || due.headersSent)) {
    if (due?.req !== arriving || due.writableEnded) return void socket.destroySoon();
    return void due.once('close', () => socket.destroy());
  }
  if (due?.req.complete && !due.writableFinished) {
    return void due.once('close', () => answerBrokenRequest(error, socket));
  }
  const status =
    { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 }[error.code ?? ''] ?? 400;
  const body = errorBody(genericKind(status));
  const json = JSON.stringify(body);
  // If the head has arrived and the body is broken, the request may have named itself.
  const id = requestIdOf(due?.req.complete === false ? due.req : { headers: {} });
  socket.end(
    [
      `HTTP/1.1 ${status} ${body.error}`,
      'Content-Type: application/json; charset=utf-8',
      `${REQUEST_ID_HEADER}: ${id}`,
      ...Object.entries(securityHeaders).map(([name, value]) => `${name}: ${value}`),
      `Content-Length: ${Buffer.byteLength(json)}`,
      'Connection: close',
      '',
      json,
    ].join('\r\n'),
  );
  // A client that does not hang up would keep the connection for as long as it likes.
  setTimeout(() => socket.destroy(), HANG_UP_AFTER).unref();
}
