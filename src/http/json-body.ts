import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  ApiError,
  bodyTooDeep,
  bodyTooFull,
  unsupportedMediaType,
  validationFailed,
} from '../errors/api-error.js';
import { excessOf } from '../validation/json-bounds.js';
import { repeatsName } from '../validation/repeated-names.js';
import { messages } from '../validation/messages.js';

/** Bytes. */
export const BODY_LIMIT = 100 * 1024;

/** JSON is the one kind of body; every other parser of Fastify's goes away (415). */
export function acceptJsonAlone(instance: FastifyInstance): void {
  instance.removeAllContentTypeParsers();
  const options = { parseAs: 'buffer', bodyLimit: BODY_LIMIT } as const;
  instance.addContentTypeParser<Buffer>('application/json', options, (request, body, done) => {
    try {
      done(null, parseBody(request, body));
    } catch (error) {
      done(error as Error);
    }
  });
  // Clients that name a type, and have nothing to send, are asking for nothing wrong.
  instance.addContentTypeParser<Buffer>('*', options, (_request, body, done) => {
    done(body.length === 0 ? null : new ApiError(unsupportedMediaType), undefined);
  });
}

function parseBody(request: FastifyRequest, body: Buffer): unknown {
  const { 'content-encoding': encoding = 'identity', 'content-type': type = '' } = request.headers;
  // JSON is UTF-8 (RFC 8259, section 8.1), whatever else a client may call it.
  const [, charset = 'utf-8'] = /;\s*charset="?([^\s;"]*)/i.exec(type) ?? [];
  if (encoding.toLowerCase() !== 'identity' || charset.toLowerCase() !== 'utf-8') {
    throw new ApiError(unsupportedMediaType);
  }
  // Clients that always name a type send it without a body, too.
  if (body.length === 0) return undefined;
  const excess = excessOf(body);
  if (excess) throw new ApiError(excess === 'depth' ? bodyTooDeep : bodyTooFull);
  try {
    if (!isUtf8(body)) throw new SyntaxError('The body is no UTF-8');
    const text = body.toString('utf8');
    const value: unknown = JSON.parse(text);
    if (repeatsName(text, value)) throw new SyntaxError('A member is named twice');
    return value;
  } catch (cause) {
    throw new ApiError(validationFailed, { message: { _schema: [messages.body] }, cause });
  }
}
