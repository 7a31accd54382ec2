import fc, { type Arbitrary } from 'fast-check';
import type { OpenAPIObject } from '@nestjs/swagger';
import { type Conditions, conditionsOf } from './conditions.js';
import { broken, hostileText, type Resolve, type Schema, valid } from './values.js';

export const CALLERS = ['anonymous', 'user', 'other', 'admin'] as const;
export type CallerName = (typeof CALLERS)[number];

/** An operation of the OpenAPI document. */
export interface Operation {
  id: string;
  method: string;
  /** The path as in the document, such as `/api/users/{id}`. */
  path: string;
  /** The name of the security scheme; null if the operation takes no token and no credentials. */
  scheme: string | null;
  parameters: { name: string; in: string; schema: Schema }[];
  body: Schema | null;
}

/** A generated request. Tokens and the ids of rows are known only when it is sent. */
export interface FuzzRequest {
  operation: Operation;
  caller: CallerName;
  /** A number chooses one of the known ids; a string is sent as it is. */
  id: number | string;
  query: [name: string, value: string][];
  /** Whether the body gets the values that only the caller knows, such as its password. */
  usesKnownValues: boolean;
  /** The body as it is sent; null if the request has no body. */
  body: string | null;
  contentType: string;
  /** A text that is sent instead of the caller's token; null if the caller's token is sent. */
  token: string | null;
  /** Whether the caller sends its access token in place of the refresh token, or vice versa. */
  wrongTokenType: boolean;
  conditions: Conditions;
}

type Member = {
  operationId?: string;
  security?: Record<string, unknown>[];
  parameters?: { name: string; in: string; schema: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
};

export function operationsOf(document: OpenAPIObject): Operation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item as Record<string, Member>).flatMap(([method, member]) =>
      member.operationId === undefined
        ? []
        : {
            id: member.operationId,
            method: method.toUpperCase(),
            path,
            scheme: Object.keys(member.security?.[0] ?? {})[0] ?? null,
            parameters: member.parameters ?? [],
            body: member.requestBody?.content['application/json']?.schema ?? null,
          },
    ),
  );
}

export function resolveIn(document: OpenAPIObject): Resolve {
  const schemas = (document.components?.schemas ?? {}) as Record<string, Schema>;
  return (schema) =>
    schema.$ref === undefined ? schema : schemas[schema.$ref.split('/').at(-1) ?? '']!;
}

/** Generates requests to every operation, from every caller. About half of them are valid. */
export function requests(
  operations: readonly Operation[],
  resolve: Resolve,
): Arbitrary<FuzzRequest> {
  return fc.constantFrom(...operations).chain((operation) =>
    fc.record({
      operation: fc.constant(operation),
      caller: fc.constantFrom(...CALLERS),
      id: fc.oneof(
        { arbitrary: fc.nat(), weight: 6 },
        { arbitrary: hostileText, weight: 1 },
        { arbitrary: fc.integer().map(String), weight: 1 },
      ),
      usesKnownValues: fc.constantFrom(true, true, true, false),
      query: queryOf(operation, resolve),
      body: operation.body ? bodyOf(operation.body, resolve) : fc.constant(null),
      contentType: usually(fc.constant('application/json'), fc.constantFrom('text/plain', 'x', '')),
      token: usually(fc.constant(null), hostileText),
      wrongTokenType: usually(fc.constant(false), fc.constant(true)),
      conditions: conditionsOf(operation),
    }),
  );
}

/** Draws from the first arbitrary, and in one of 20 cases from the second. */
function usually<T>(arbitrary: Arbitrary<T>, rare: Arbitrary<T>): Arbitrary<T> {
  return fc.oneof({ arbitrary, weight: 19 }, { arbitrary: rare, weight: 1 });
}

function queryOf({ parameters }: Operation, resolve: Resolve): Arbitrary<[string, string][]> {
  const known = parameters.filter((parameter) => parameter.in === 'query');
  const hostile = fc.tuple(
    fc.oneof(hostileText, fc.constantFrom('limit', 'sort', 'id')),
    hostileText,
  );
  const documented = known.map(({ name, schema }) =>
    fc.tuple(fc.constant(name), usually(valid(schema, resolve).map(String), hostileText)),
  );
  const chosen: Arbitrary<[string, string][]> = fc
    .subarray(documented, { maxLength: Math.min(3, documented.length) })
    .chain((some) => fc.tuple(...some));
  return usually(chosen, fc.array(hostile, { maxLength: 3 }));
}

function bodyOf(schema: Schema, resolve: Resolve): Arbitrary<string | null> {
  const members = Object.keys(resolve(schema).properties ?? {});
  const good = valid(schema, resolve);
  const changed = fc
    .tuple(good, fc.oneof(fc.constantFrom(...members), hostileText), broken())
    .map(([body, name, value]) => JSON.stringify({ ...(body as object), [name]: value }));
  const incomplete = fc.tuple(good, fc.constantFrom(...members)).map(([body, name]) => {
    const { [name]: _, ...rest } = body as Record<string, unknown>;
    return JSON.stringify(rest);
  });
  const malformed = fc.constantFrom('', '{', '[]', 'null', '{"a":1,"a":2}', '"x"', '{"\\ud800":1}');
  return fc.oneof(
    { arbitrary: good.map((body) => JSON.stringify(body)), weight: 10 },
    { arbitrary: changed, weight: 6 },
    { arbitrary: incomplete, weight: 1 },
    { arbitrary: broken().map((value) => JSON.stringify(value)), weight: 2 },
    { arbitrary: malformed, weight: 1 },
    { arbitrary: fc.constant(null), weight: 1 },
  );
}
