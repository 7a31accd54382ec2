import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ApiError, errorBody, genericKind } from '../errors/api-error.js';
import type { AppConfig } from '../config/app-config.js';
import { linksNameHost } from './links.js';
import { REQUEST_ID_HEADER, requestIdOf } from './request-id.js';
import { securityHeaders } from './security-headers.js';

/** The maximum number of header lines of a request. */
const MAX_HEADERS = 100;
/** A host name or address, with an optional port (a subset of RFC 3986, section 3.2.2). */
const HOST = /^(?:[\w.~-]*|\[[\da-f:.]+\])(?::\d*)?$/i;
const isHttp = (protocol: string) => protocol === 'http' || protocol === 'https';
/** Milliseconds that a client has to read the response before the connection is closed. */
const CLOSE_DELAY = 1_000;

/** Is told of the requests that no hook sees. */
export interface UnroutedRequests {
  /** @param request null if Fastify does not know it */
  watch: (raw: IncomingMessage, response: ServerResponse, request: FastifyRequest | null) => void;
  /** A request that is not valid HTTP was answered with this status. */
  addBroken: (status: number) => void;
}

/** Gives responses that no handler sends the same shape as all others. */
export function preRoutingErrorHandlers(requests: UnroutedRequests) {
  return {
    clientErrorHandler: (error: NodeJS.ErrnoException, socket: Socket) =>
      answerBrokenRequest(error, socket, requests),
    // The router refuses a path that is not valid before any handler runs.
    frameworkErrors: (
      { statusCode = 400 }: FastifyError,
      request: FastifyRequest,
      reply: FastifyReply,
    ) => {
      requests.watch(request.raw, reply.raw, request);
      void reply
        .headers({ ...securityHeaders, [REQUEST_ID_HEADER]: request.id })
        .status(statusCode)
        .send(errorBody(genericKind(statusCode)));
    },
    // Requests that arrive during the shutdown are served; see `drainBeforeClose`.
    return503OnClosing: false,
  };
}

/**
 * Refuses requests with too many headers, with faulty framing, or without exactly one valid host.
 *
 * @param config says whether links contain the forwarded host, which must then be valid, too
 */
export function rejectInvalidRequests(
  instance: FastifyInstance,
  config: Pick<AppConfig, 'web' | 'production'>,
): void {
  const usesForwardedHost = linksNameHost(config);
  // Node silently drops further headers, such as one with a second token.
  instance.server.maxHeadersCount = MAX_HEADERS + 1;
  instance.addHook('onRequest', (request, _reply, done) => {
    if (hasTooManyHeaders(request.raw)) return done(new ApiError(genericKind(431)));
    if (isFaultyFraming(request.raw)) {
      return done(new ApiError(genericKind(400), { cause: 'HTTP/1.0 with Transfer-Encoding' }));
    }
    const isHostValid =
      namesOneHost(request.raw) &&
      HOST.test(request.raw.headers.host ?? '') &&
      (!usesForwardedHost || (HOST.test(request.host) && isHttp(request.protocol)));
    done(isHostValid ? undefined : new ApiError(genericKind(400), { cause: 'Host' }));
  });
}

/**
 * Closes the connection after the response to a request with faulty framing or too many headers.
 * Node drops the last of too many headers, and a header of the framing may be among them. A hook
 * could not do this, because a request with an invalid path is refused before any hook runs.
 */
export function closeAfterFaultyFraming(request: IncomingMessage, response: ServerResponse): void {
  if (hasTooManyHeaders(request) || isFaultyFraming(request)) response.shouldKeepAlive = false;
}

function hasTooManyHeaders({ rawHeaders }: IncomingMessage): boolean {
  return rawHeaders.length > 2 * MAX_HEADERS;
}

/**
 * HTTP/1.0 has no chunked bodies, so a proxy of that version may see the end of the request
 * elsewhere (RFC 9112, section 6.1). The connection has to be closed, because the next bytes may be
 * part of the body.
 */
function isFaultyFraming({ httpVersion, headers }: IncomingMessage): boolean {
  return httpVersion === '1.0' && headers['transfer-encoding'] !== undefined;
}

/** Refuses an expectation other than `100-continue` (RFC 9110, section 10.1.1). */
export function expectationRefusal(requests: UnroutedRequests): RequestListener {
  return (request, response) => {
    requests.watch(request, response, null);
    response.writeHead(417, {
      ...securityHeaders,
      [REQUEST_ID_HEADER]: requestIdOf(request),
      'content-type': 'application/json; charset=utf-8',
    });
    response.end(JSON.stringify(errorBody(genericKind(417))));
  };
}

/**
 * Whether the request has exactly one `Host` header (RFC 9112, section 3.2), because the host may
 * become part of links. HTTP/1.0 does not require it.
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

/**
 * Answers a request that is not valid HTTP, which Node's parser refuses before any handler runs.
 */
function answerBrokenRequest(
  error: NodeJS.ErrnoException,
  socket: Socket,
  requests: UnroutedRequests,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  // Earlier requests on the connection are answered first (RFC 9112, section 9.3.2).
  const { _httpMessage: pending, parser } = socket as Socket & {
    _httpMessage?: ServerResponse | null;
    parser?: { incoming?: IncomingMessage | null } | null;
  };
  const arriving = parser?.incoming;
  // The body is broken, but its request already has a response. The client would take a second one
  // for the response to its next request.
  if (arriving?.complete === false && (pending?.req !== arriving || pending.headersSent)) {
    if (pending?.req !== arriving || pending.writableEnded) return void socket.destroySoon();
    return void pending.once('close', () => socket.destroy());
  }
  if (pending?.req.complete && !pending.writableFinished) {
    return void pending.once('close', () => answerBrokenRequest(error, socket, requests));
  }
  const status =
    { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 }[error.code ?? ''] ?? 400;
  const body = errorBody(genericKind(status));
  const json = JSON.stringify(body);
  // If only the body is broken, the headers may contain a request id.
  const id = requestIdOf(pending?.req.complete === false ? pending.req : { headers: {} });
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
  requests.addBroken(status);
  // Otherwise a client could keep the connection open.
  setTimeout(() => socket.destroy(), CLOSE_DELAY).unref();
}
