import {
  applyDecorators,
  createParamDecorator,
  type ExecutionContext,
  type Type,
} from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiQuery, ApiResponse } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { tooManyRequests, validationFailed } from '../errors/api-error.js';
import { ApiErrors } from '../errors/api-errors.decorator.js';
import { messages } from '../validation/messages.js';
import { callerOf } from '../access/caller.js';
import type { ListFields } from './list-field.js';
import { etagHeader, ifNoneMatchHeader } from '../http/conditional/conditional-requests.js';
import { AfterHandler } from '../http/after-handler.decorator.js';
import { linkHeader } from '../http/links.js';
import type { RangeOperator } from './list-query.js';
import type { Page } from './page.js';
import { sendPage } from './send-page.js';
import { DEFAULT_LIMIT, MAX_LIMIT, parseListQuery, type QueryString } from './parse-list-query.js';

/** Injects the checked query string into a handler, as a `ListQuery`. */
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
 * For a handler that returns a `Page`: sends its rows with a `Link` to the next page (RFC 8288)
 * and a weak `ETag`, and documents the parameters and the response.
 *
 * @param response of each row, or of the whole body if `member` is given
 */
export function ListOf(response: Type, { fields, defaultLimit, member }: ListOptions) {
  const headers = { ...linkHeader, ...etagHeader };
  return applyDecorators(
    AfterHandler<Page<unknown>>((page, reply) => sendPage(page, reply, member ?? null)),
    ApiListParameters(fields, defaultLimit),
    ApiHeader(ifNoneMatchHeader),
    ApiOkResponse({ type: response, isArray: member === undefined, headers }),
    ApiResponse({ status: 304, headers }),
  );
}

/** Documents the query parameters of a list. */
function ApiListParameters(fields: ListFields, defaultLimit = DEFAULT_LIMIT) {
  const sortable = Object.keys(fields).filter((name) => fields[name]?.key);
  const optional = (name: string, description: string, schema: object) =>
    ApiQuery({ name, required: false, description, schema });
  const rangeParameters = (name: string, schema: object) =>
    Object.entries(RANGES).map(([operator, text]) =>
      optional(`${name}[${operator}]`, text, schema),
    );
  const limit = { type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: defaultLimit };
  return applyDecorators(
    ...Object.entries(fields).flatMap(([name, { schema, nullable, many, key }]) => [
      optional(
        name,
        many ? 'Only items that contain this value.' : 'Only items with this value.',
        nullable ? { oneOf: [schema, { type: 'string', enum: ['null'] }] } : schema,
      ),
      ...(key ? rangeParameters(name, schema) : []),
    ]),
    ...(sortable.length > 0 ? [optional('sort', SORT, sortSchema(sortable))] : []),
    optional('cursor', 'The beginning of the page, as in `Link`.', { type: 'string' }),
    optional('limit', 'The maximum number of items.', limit),
    ApiErrors(
      { ...validationFailed, message: { limit: [messages.max(MAX_LIMIT)] } },
      tooManyRequests,
    ),
  );
}

const RANGES: Record<RangeOperator, string> = {
  gt: 'Only items with a greater value.',
  gte: 'Only items with this or a greater value.',
  lt: 'Only items with a smaller value.',
  lte: 'Only items with this or a smaller value.',
};

const SORT =
  'The fields to sort by, separated by commas, each at most once. A minus before a field sorts it in descending order. Items that are equal in all fields are in order of `id`.';

function sortSchema(fields: string[]): object {
  const field = `-?(${fields.join('|')})`;
  return { type: 'string', pattern: `^${field}(,${field})*$`, default: 'id' };
}
