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

/** An example of a request id for the OpenAPI document. */
const REQUEST_ID_EXAMPLE = '0b6f1f2e-9c53-4d0a-8f0e-3f7f1b1f5a10';

/** The body of every error response. */
export class ErrorResponse implements ErrorBody {
  @ApiProperty({ type: 'integer', example: 400 })
  statusCode: number;

  /** `listErrorCodes` adds all possible codes to the document. */
  @ApiProperty({ description: 'A stable code for programs.', example: 'validation_failed' })
  code: string;

  @ApiProperty({ description: 'A text for people.', example: 'Bad Request' })
  error: string;

  @ApiProperty({
    required: false,
    description: 'A message; for an invalid body or query, the messages of each field.',
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
      'Only with a status of 500 and above: the `X-Request-Id` of the response, for a search in the log.',
    example: REQUEST_ID_EXAMPLE,
  })
  request_id?: string;
}

export const ERROR_SCHEMA = `#/components/schemas/${ErrorResponse.name}`;

const KINDS = Symbol('kinds of errors');

/**
 * Documents the errors of a handler, or of each handler of a controller, with an example of each.
 * If it is used several times, the errors add up.
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

/** Documents the errors of an invalid body. `example` is a possible message. */
export function ApiBodyErrors(example: ValidationMessages): MethodDecorator {
  return ApiErrors({ ...validationFailed, message: example }, ...unreadableBody);
}

/** The errors of a body that cannot be read, even if the route does not use it. */
export const unreadableBody = [bodyTooDeep, bodyTooFull, payloadTooLarge, unsupportedMediaType];

/** The content of a response with one of these errors, for the document. */
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
