import { hash } from 'node:crypto';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiError, tooManyRequests } from '../errors/api-error.js';
import { ApiErrors } from '../errors/api-errors.decorator.js';
import { addressRange, clientAddress } from '../http/client-address.js';
import { documentedParameter } from '../http/documented-parameter.js';
import { parseRowId } from '../http/resource-id.js';
import type { Token } from '../tokens/token.js';
import { isPlainObject } from '../validation/values.js';
import {
  idempotencyInProgress,
  idempotencyKeyInvalid,
  idempotencyKeyReused,
} from './idempotency-errors.js';

const HEADER = 'idempotency-key';

/** Printable ASCII characters. */
const KEY = /^[\x20-\x7e]{1,255}$/;

/** A request with an `Idempotency-Key`. */
export interface KeyedRequest {
  /** Identifies the caller, the route and the key. */
  readonly id: string;
  readonly caller: string;
  /** The id of the user whose token was sent; null for an anonymous request. */
  readonly userId: number | null;
  /** Identifies the body, apart from its password. */
  readonly fingerprint: string;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

const extract = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const http = context.switchToHttp();
  return keyedRequestOf(http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
});

/**
 * Injects the `Idempotency-Key` of a request (draft-ietf-httpapi-idempotency-key-header), for
 * `IdempotencyService.once`, and documents the header and its refusals. It is null without the header.
 */
export function IdempotencyKey(): ParameterDecorator {
  return documentedParameter(
    extract(),
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description:
        'A new value for each resource that you want to create, such as a UUID. If you get no answer, send the request again with the same key: it creates nothing twice, and the answer is that of the first request.',
      schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[ -~]+$' },
    }),
    ApiErrors(idempotencyKeyInvalid, idempotencyInProgress, idempotencyKeyReused, tooManyRequests),
  );
}

/** @throws ApiError `idempotency_key_invalid` */
function keyedRequestOf(
  request: FastifyRequest & { token?: Token },
  reply: FastifyReply,
): KeyedRequest | null {
  const key = request.headers[HEADER];
  if (key === undefined) return null;
  // Node joins several headers of one name to one value.
  const isSingle = request.raw.headersDistinct[HEADER]?.length === 1;
  if (!isSingle || typeof key !== 'string' || !KEY.test(key)) {
    throw new ApiError(idempotencyKeyInvalid);
  }
  const { token, method, routeOptions } = request;
  const caller = token
    ? `user ${token.subject}`
    : `address ${addressRange(clientAddress(request))}`;
  return {
    id: digest(JSON.stringify([caller, method, routeOptions.url, key])),
    caller: caller.slice(0, 64),
    userId: token ? parseRowId(token.subject) : null,
    // Without a body, the pipe that checks it refuses the request.
    fingerprint: digest(JSON.stringify(sorted(request.body ?? null))),
    request,
    reply,
  };
}

function digest(text: string): string {
  return hash('sha256', text, 'base64url');
}

/** A value without members called `password`, and with the members of each object in one order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isPlainObject(value)) return value;
  const members = Object.entries(value)
    .filter(([name]) => name !== 'password')
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member)]));
}
