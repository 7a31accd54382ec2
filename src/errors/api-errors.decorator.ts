import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiResponse } from '@nestjs/swagger';
import {
  bodyTooDeep,
  bodyTooFull,
  type ErrorBody,
  type ErrorKind,
  errorBody,
  payloadTooLarge,
  unsupportedMediaType,
  validationFailed,
  type ValidationMessages,
} from './api-error.js';

/** A request id, as the document shows it. */
const REQUEST_ID_EXAMPLE = '0b6f1f2e-9c53-4d0a-8f0e-3f7f1b1f5a10';

/** The one shape of every error. */
export class ErrorResponse implements ErrorBody {
  @ApiProperty({ type: 'integer', example: 400 })
  statusCode: number;

  /** The document lists all codes that there are; see `listErrorCodes`. */
  @ApiProperty({ description: 'For programs; it never changes.', example: 'validation_failed' })
  code: string;

  @ApiProperty({ description: 'For people.', example: 'Bad Request' })
  error: string;

  @ApiProperty({
    required: false,
    description: 'A message, or for an invalid body or query the messages of each field.',
    oneOf: [
      { type: 'string' },
      {
        type: 'object',
        additionalProperties: { type: 'array', items: { type: 'string' }, minItems: 1 },
      },
    ],
    example: { crew: ['Not a valid integer.'] },
  })
  message?: string | ValidationMessages;

  @ApiProperty({
    required: false,
    description:
      'Of errors with a status of 500 and above: the `X-Request-Id` of the response, by which the log can be searched.',
    example: REQUEST_ID_EXAMPLE,
  })
  request_id?: string;
}

export const ERROR_SCHEMA = `#/components/schemas/${ErrorResponse.name}`;

const KINDS = Symbol('kinds of errors');

/**
 * Documents the errors that a handler, or each handler of a controller, can give, with an example
 * of each. Used several times, it adds to what was said before.
 */
export function ApiErrors(...kinds: ErrorKind[]): ClassDecorator & MethodDecorator {
  return (target: object, key?: string | symbol, descriptor?: PropertyDescriptor) => {
    const documented = (descriptor?.value ?? target) as object;
    const known = (Reflect.getMetadata(KINDS, documented) ?? []) as ErrorKind[];
    const all = [...new Set([...known, ...kinds])];
    Reflect.defineMetadata(KINDS, all, documented);
    const responses = [...new Set(kinds.map((kind) => kind.status))].map((status) =>
      describe(
        status,
        all.filter((kind) => kind.status === status),
      ),
    );
    applyDecorators(...responses)(target, key, descriptor);
  };
}

/** What can be wrong with a body; `example` is what the message may look like. */
export function ApiBodyErrors(example: ValidationMessages): MethodDecorator {
  return ApiErrors({ ...validationFailed, message: example }, ...unreadableBody);
}

/** What can be wrong with whatever is sent as a body, also where none is asked for. */
export const unreadableBody = [bodyTooDeep, bodyTooFull, payloadTooLarge, unsupportedMediaType];

/** An answer with one of these errors, as the document shows it. */
export function errorContent(kinds: ErrorKind[]) {
  return {
    'application/json': {
      schema: { $ref: ERROR_SCHEMA },
      examples: Object.fromEntries(kinds.map((kind) => [kind.code, { value: exampleOf(kind) }])),
    },
  };
}

function exampleOf(kind: ErrorKind): ErrorBody {
  const body = errorBody(kind);
  return kind.status < 500 ? body : { ...body, request_id: REQUEST_ID_EXAMPLE };
}

function describe(status: number, kinds: ErrorKind[]): ClassDecorator & MethodDecorator {
  return ApiResponse({ status, description: '', content: errorContent(kinds) });
}
