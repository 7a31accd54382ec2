import { applyDecorators } from '@nestjs/common';
import { ApiBasicAuth, ApiExtraModels, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { type ErrorKind, errorBody } from '../common/api-error.js';
import { ERROR_SCHEMA } from '../common/api-errors.js';
import { BASIC_CHALLENGE, words } from './bookstore-words.js';
import { MessageResponse } from './dto/tutorial-answers.dto.js';

/** Documents an answer that is one of these messages. */
export function ApiTutorialMessage(status: number, ...messages: string[]): MethodDecorator {
  return applyDecorators(
    ApiExtraModels(MessageResponse),
    ApiResponse({
      status,
      description: messages.map((message) => `“${message}”`).join(', '),
      content: {
        'application/json': {
          schema: { $ref: getSchemaPath(MessageResponse) },
          examples: Object.fromEntries(
            messages.map((message) => [message, { value: { message } }]),
          ),
        },
      },
    }),
  );
}

/** Documents a status that is answered by one of the usual errors, or by a message of the tutorial. */
export function ApiErrorOrTutorialMessage(kind: ErrorKind, message: string): MethodDecorator {
  return applyDecorators(
    ApiExtraModels(MessageResponse),
    ApiResponse({
      status: kind.status,
      description: `\`${kind.code}\`, “${message}”`,
      content: {
        'application/json': {
          schema: { anyOf: [{ $ref: ERROR_SCHEMA }, { $ref: getSchemaPath(MessageResponse) }] },
          examples: {
            [kind.code]: { value: errorBody(kind) },
            [message]: { value: { message } },
          },
        },
      },
    }),
  );
}

/** Documents how a token is refused. */
export const ApiRefusedToken = () =>
  ApiTutorialMessage(401, words.tokenMissing, words.tokenInvalid);

/** Documents how a login by HTTP Basic is sent and refused. */
export const ApiRefusedLogin = () =>
  applyDecorators(
    ApiBasicAuth('basic'),
    ApiResponse({
      status: 401,
      description: `“${words.couldNotVerify}”`,
      headers: {
        'WWW-Authenticate': {
          description: 'RFC 7617, section 2.',
          required: true,
          schema: { type: 'string', enum: [BASIC_CHALLENGE] },
        },
      },
      content: {
        'text/plain': { schema: { type: 'string', enum: [words.couldNotVerify] } },
      },
    }),
  );
