import { applyDecorators } from '@nestjs/common';
import { ApiBasicAuth, ApiExtraModels, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { BASIC_CHALLENGE, messages } from './bookstore-messages.js';
import { MessageResponse } from './dto/tutorial-answers.dto.js';

/** Documents a response that is one of these messages. */
export function ApiTutorialMessage(status: number, ...messages: string[]): MethodDecorator {
  return applyDecorators(
    ApiExtraModels(MessageResponse),
    ApiResponse({ status, ...tutorialMessages(...messages) }),
  );
}

/** The OpenAPI description of a response that is one of these messages. */
export function tutorialMessages(...messages: string[]) {
  return {
    description: messages.map((message) => `“${message}”`).join(', '),
    content: {
      'application/json': {
        schema: { $ref: getSchemaPath(MessageResponse) },
        examples: Object.fromEntries(messages.map((message) => [message, { value: { message } }])),
      },
    },
  };
}

/** Documents how a token is refused. */
export const ApiRefusedToken = () =>
  ApiTutorialMessage(401, messages.tokenMissing, messages.tokenInvalid);

/** Documents how a login by HTTP Basic is sent and refused. */
export const ApiRefusedLogin = () =>
  applyDecorators(
    ApiBasicAuth('basic'),
    ApiResponse({
      status: 401,
      description: `“${messages.couldNotVerify}”`,
      headers: {
        'WWW-Authenticate': {
          description: 'RFC 7617, section 2.',
          required: true,
          schema: { type: 'string', enum: [BASIC_CHALLENGE] },
        },
      },
      content: {
        'text/plain': { schema: { type: 'string', enum: [messages.couldNotVerify] } },
      },
    }),
  );
