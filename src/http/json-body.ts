import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  ApiError,
  bodyTooDeep,
  bodyTooFull,
  unsupportedMediaType,
  validationFailed,
} from '../common/api-error.js';
import { repeatsName } from '../common/repeated-names.js';
import { sentences } from '../common/validation.js';

/** Bytes. */
export const BODY_LIMIT = 100 * 1024;
const MAX_DEPTH = 32;
/** Members and elements, at all depths: hundreds of times what any of our bodies holds. */
const MAX_VALUES = 10_000;

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
  refuseOverload(body);
  try {
    if (!isUtf8(body)) throw new SyntaxError('The body is no UTF-8');
    const text = body.toString('utf8');
    const value: unknown = JSON.parse(text);
    if (repeatsName(text, value)) throw new SyntaxError('A member is named twice');
    return value;
  } catch (cause) {
    throw new ApiError(validationFailed, { message: { _schema: [sentences.body] }, cause });
  }
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN = new Set([0x5b, 0x7b]);
const CLOSE = new Set([0x5d, 0x7d]);

/**
 * Counts brackets and commas outside of strings, before anything recursive or slow looks at the text.
 *
 * @throws ApiError `body_too_deep`, `body_too_full`
 */
function refuseOverload(json: Buffer): void {
  let depth = 0;
  let values = 1;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]!;
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === COMMA && ++values > MAX_VALUES) throw new ApiError(bodyTooFull);
    else if (OPEN.has(byte) && ++depth > MAX_DEPTH) throw new ApiError(bodyTooDeep);
    else if (CLOSE.has(byte)) depth--;
  }
}
