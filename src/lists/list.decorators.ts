import {
  applyDecorators,
  createParamDecorator,
  type ExecutionContext,
  type Type,
  UseInterceptors,
} from '@nestjs/common';
import { ApiOkResponse, ApiQuery } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { tooManyRequests, validationFailed } from '../errors/api-error.js';
import { ApiErrors } from '../errors/api-errors.decorator.js';
import { messages } from '../validation/messages.js';
import { callerOf } from '../access/caller.js';
import type { ListFields } from './list-field.js';
import { linkHeader } from '../http/links.js';
import { LinkInterceptor } from './link.interceptor.js';
import { DEFAULT_LIMIT, MAX_LIMIT, parseListQuery, type QueryString } from './parse-list-query.js';

/** Which part of the list a client wants: the query string, checked, as a `ListQuery`. */
export const ListParameters = (fields: ListFields, defaultLimit = DEFAULT_LIMIT) =>
  createParamDecorator((_: unknown, context: ExecutionContext) => {
    const { query } = context.switchToHttp().getRequest<FastifyRequest>();
    const parsed = parseListQuery(fields, query as QueryString, defaultLimit);
    return { ...parsed, caller: callerOf(context) };
  })();

interface ListOptions {
  /** The fields that clients may filter and sort by. */
  fields: ListFields;
  /** The limit of a request without one. */
  defaultLimit?: number;
  /** The member of the response that holds the rows; without it the response is an array of them. */
  member?: string;
}

/**
 * For a handler that returns a `Page`: answers its rows with a `Link` to the next page (RFC 8288), and
 * documents parameters and response.
 *
 * @param response of each row, or of the whole body if `member` is given
 */
export function ListOf(response: Type, { fields, defaultLimit, member }: ListOptions) {
  return applyDecorators(
    UseInterceptors(new LinkInterceptor(member ?? null)),
    ApiListParameters(fields, defaultLimit),
    ApiOkResponse({ type: response, isArray: member === undefined, headers: linkHeader }),
  );
}

/** Documents what a list takes. */
function ApiListParameters(fields: ListFields, defaultLimit = DEFAULT_LIMIT) {
  const sortable = Object.keys(fields).filter((name) => fields[name]?.key);
  const optional = (name: string, description: string, schema: object) =>
    ApiQuery({ name, required: false, description, schema });
  const limit = { type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: defaultLimit };
  return applyDecorators(
    ...Object.entries(fields).map(([name, { schema, many }]) =>
      optional(name, many ? 'Only those that hold this.' : 'Only those with this.', schema),
    ),
    ...(sortable.length > 0 ? [optional('sort', SORT, sortSchema(sortable))] : []),
    optional('cursor', 'Where the page begins: see `Link`.', { type: 'string' }),
    optional('limit', 'How many at most.', limit),
    ApiErrors(
      { ...validationFailed, message: { limit: [messages.max(MAX_LIMIT)] } },
      tooManyRequests,
    ),
  );
}

const SORT =
  'What to sort by, in order: fields, each once, with a minus before those that go downwards. Those that are the same in all of them are in order of `id`.';

function sortSchema(fields: string[]): object {
  const field = `-?(${fields.join('|')})`;
  return { type: 'string', pattern: `^${field}(,${field})*$`, default: 'id' };
}
