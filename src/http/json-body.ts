import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  ApiError,
  bodyTooDeep,
  unsupportedMediaType,
  validationFailed,
} from '../common/api-error.js';
import { sentences } from '../common/validation.js';

/** Bytes. */
export const BODY_LIMIT = 100 * 1024;
const MAX_DEPTH = 32;

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
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') throw new ApiError(unsupportedMediaType);
  // Clients that always name a type send it without a body, too.
  if (body.length === 0) return undefined;
  if (deeperThan(MAX_DEPTH, body)) throw new ApiError(bodyTooDeep);
  try {
    if (!isUtf8(body)) throw new SyntaxError('The body is no UTF-8');
    return JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw new ApiError(validationFailed, { message: { _schema: [sentences.body] }, cause });
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = new Set([0x5b, 0x7b]);
const CLOSE = new Set([0x5d, 0x7d]);

/** Counts brackets outside of strings, before anything recursive looks at the text. */
function deeperThan(limit: number, json: Buffer): boolean {
  // Each level takes a byte to open it.
  if (json.length <= limit) return false;
  let depth = 0;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]!;
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (OPEN.has(byte) && ++depth > limit) return true;
    else if (CLOSE.has(byte)) depth--;
  }
  return false;
}
