import fc, { type Arbitrary } from 'fast-check';
import type { OpenAPIObject } from '@nestjs/swagger';
import { broken, hostileText, type Resolve, type Schema, valid } from './values.js';

export const CALLERS = ['anonymous', 'user', 'other', 'admin'] as const;
export type CallerName = (typeof CALLERS)[number];

/** An operation of the document. */
export interface Operation {
  id: string;
  method: string;
  /** As in the document: `/api/ships/{id}`. */
  path: string;
  /** The name of the scheme by which it takes a token or credentials; null where it takes none. */
  scheme: string | null;
  parameters: { name: string; in: string; schema: Schema }[];
  body: Schema | null;
}

/** What is sent, but for what only the run knows: tokens, and ids of rows that are there. */
export interface FuzzRequest {
  operation: Operation;
  caller: CallerName;
  /** Picks one of the ids that are known; a text is sent as it is. */
  id: number | string;
  query: [name: string, value: string][];
  /** Whether what only the caller knows takes its place in the body. */
  fitting: boolean;
  /** As it goes over the wire; null where none is sent. */
  body: string | null;
  contentType: string;
  /** Takes the place of the token; null where the caller's own is sent. */
  token: string | null;
  /** Whether the caller's own token is of the other kind than the operation takes. */
  swapped: boolean;
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

/** Requests to every operation, from every caller: half of them as the document has them. */
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
      fitting: fc.constantFrom(true, true, true, false),
      query: queryOf(operation, resolve),
      body: operation.body ? bodyOf(operation.body, resolve) : fc.constant(null),
      contentType: usually(fc.constant('application/json'), fc.constantFrom('text/plain', 'x', '')),
      token: usually(fc.constant(null), hostileText),
      swapped: usually(fc.constant(false), fc.constant(true)),
    }),
  );
}

function usually<T>(arbitrary: Arbitrary<T>, seldom: Arbitrary<T>): Arbitrary<T> {
  return fc.oneof({ arbitrary, weight: 19 }, { arbitrary: seldom, weight: 1 });
}

function queryOf({ parameters }: Operation, resolve: Resolve): Arbitrary<[string, string][]> {
  const known = parameters.filter((parameter) => parameter.in === 'query');
  const odd = fc.tuple(fc.oneof(hostileText, fc.constantFrom('limit', 'sort', 'id')), hostileText);
  const good = known.map(({ name, schema }) =>
    fc.tuple(fc.constant(name), usually(valid(schema, resolve).map(String), hostileText)),
  );
  const asked: Arbitrary<[string, string][]> = fc
    .subarray(good, { maxLength: Math.min(3, good.length) })
    .chain((some) => fc.tuple(...some));
  return usually(asked, fc.array(odd, { maxLength: 3 }));
}

function bodyOf(schema: Schema, resolve: Resolve): Arbitrary<string | null> {
  const members = Object.keys(resolve(schema).properties ?? {});
  const good = valid(schema, resolve);
  const changed = fc
    .tuple(good, fc.oneof(fc.constantFrom(...members), hostileText), broken())
    .map(([body, name, value]) => JSON.stringify({ ...(body as object), [name]: value }));
  const lacking = fc.tuple(good, fc.constantFrom(...members)).map(([body, name]) => {
    const { [name]: _, ...rest } = body as Record<string, unknown>;
    return JSON.stringify(rest);
  });
  const malformed = fc.constantFrom('', '{', '[]', 'null', '{"a":1,"a":2}', '"x"', '{"\\ud800":1}');
  return fc.oneof(
    { arbitrary: good.map((body) => JSON.stringify(body)), weight: 10 },
    { arbitrary: changed, weight: 6 },
    { arbitrary: lacking, weight: 1 },
    { arbitrary: broken().map((value) => JSON.stringify(value)), weight: 2 },
    { arbitrary: malformed, weight: 1 },
    { arbitrary: fc.constant(null), weight: 1 },
  );
}
