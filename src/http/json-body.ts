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

/** The maximum size of a body in bytes. */
export const BODY_LIMIT = 100 * 1024;

/** The media types of a body of `PATCH` (RFC 7396, and JSON for the same merge). */
export const PATCH_TYPES = ['application/merge-patch+json', 'application/json'];

/** The header that names them (RFC 5789, section 3.1). */
export const acceptPatch = { 'accept-patch': PATCH_TYPES.join(', ') };

/**
 * Accepts only JSON bodies, and merge patches as bodies of `PATCH`. Any other kind of body is refused
 * with 415.
 */
export function acceptOnlyJson(instance: FastifyInstance): void {
  instance.removeAllContentTypeParsers();
  const options = { parseAs: 'buffer', bodyLimit: BODY_LIMIT } as const;
  instance.addContentTypeParser<Buffer>(PATCH_TYPES, options, (request, body, done) => {
    try {
      done(null, parseBody(request, body));
    } catch (error) {
      done(error as Error);
    }
  });
  // A request without a body is accepted, whatever type it names.
  instance.addContentTypeParser<Buffer>('*', options, (_request, body, done) => {
    done(body.length === 0 ? null : new ApiError(unsupportedMediaType), undefined);
  });
}

function parseBody(request: FastifyRequest, body: Buffer): unknown {
  const { 'content-encoding': encoding = 'identity', 'content-type': type = '' } = request.headers;
  // JSON is always UTF-8 (RFC 8259, section 8.1).
  const [, charset = 'utf-8'] = /;\s*charset="?([^\s;"]*)/i.exec(type) ?? [];
  if (encoding.toLowerCase() !== 'identity' || charset.toLowerCase() !== 'utf-8') {
    throw new ApiError(unsupportedMediaType);
  }
  // Some clients name the type even if they send no body.
  if (body.length === 0) return undefined;
  if (request.method !== 'PATCH' && /^application\/merge-patch/i.test(type)) {
    throw new ApiError(unsupportedMediaType);
  }
  const excess = excessOf(body);
  if (excess) throw new ApiError(excess === 'depth' ? bodyTooDeep : bodyTooFull);
  try {
    if (!isUtf8(body)) throw new SyntaxError('The body is not UTF-8');
    const text = body.toString('utf8');
    const value: unknown = JSON.parse(text);
    if (repeatsName(text, value)) throw new SyntaxError('A member is named twice');
    return value;
  } catch (cause) {
    throw new ApiError(validationFailed, { message: { _schema: [messages.body] }, cause });
  }
}
