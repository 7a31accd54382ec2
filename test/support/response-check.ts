import { readFileSync } from 'node:fs';
import type { OpenAPIObject } from '@nestjs/swagger';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { genericKind, internalError } from '../../src/errors/api-error.js';

/** A request and its response, as they were sent. */
export interface Exchange {
  method: string;
  /** The path, with its query string if it has one. */
  path: string;
  status: number;
  headers: Readonly<Record<string, unknown>>;
  body: string;
}

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Response = Extract<Operation['responses'][string], { description: string }>;
type Header = NonNullable<Response['headers']>[string];
type MediaType = NonNullable<Response['content']>[string];
type Schema = NonNullable<MediaType['schema']>;

const errorSchema = { $ref: '#/components/schemas/ErrorResponse' };
/** Headers on which clients act. A response may have them only if they are documented. */
const MEANINGFUL =
  'accept-patch allow etag idempotent-replayed link location retry-after set-cookie www-authenticate'.split(
    ' ',
  );
const own = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as OpenAPIObject;
/** The paths of the fixture, which are not in the service's own document. */
const FIXTURE = /^\/api\/(crates|scrolls)(\/\{id\})?$/;

/** Compares responses with an OpenAPI document. */
export class ResponseCheck {
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true });
  private readonly validators = new Map<object, ValidateFunction>();
  private readonly document: OpenAPIObject;
  private readonly templates: { pattern: RegExp; path: string }[];

  /** @param document only paths of the service and of the fixture are checked; tests may add others */
  constructor(document: OpenAPIObject) {
    formats.default(this.ajv);
    this.document = closeSchemas(structuredClone(document));
    this.ajv.addSchema({ ...this.document, $id: 'document' });
    const paths = Object.keys(document.paths).filter(
      (path) => path in own.paths || FIXTURE.test(path),
    );
    this.templates = paths
      // A path without parameters precedes one that a parameter would also match.
      .sort((a, b) => Number(a.includes('{')) - Number(b.includes('{')))
      .map((path) => ({ path, pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`) }));
  }

  /** The differences between a response and the document. Each message names the request. */
  problemsOf(exchange: Exchange): string[] {
    const problems = this.problems(exchange);
    const { method, path, status } = exchange;
    return problems.map((problem) => `${method} ${path} -> ${status}: ${problem}`);
  }

  private problems(exchange: Exchange): string[] {
    const { status } = exchange;
    const operation = this.operationOf(exchange);
    if (!operation) return status < 400 ? [] : this.problemsOfOtherError(exchange);
    const response = operation.responses[status] as Response | undefined;
    if (!response) return ['the status is not documented'];
    return [
      ...problemsOfUnknownHeaders(response, exchange),
      ...this.problemsOfHeaders(response, exchange),
      ...this.problemsOfBody(response, exchange),
    ];
  }

  private operationOf({ method, path }: Exchange): Operation | undefined {
    const plain = path.split('?', 1)[0]!;
    const found = this.templates.find(({ pattern }) => pattern.test(plain));
    const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
    return found && this.document.paths[found.path]?.[verb as 'get'];
  }

  /** An error that belongs to no operation has the shape of every error, too. */
  private problemsOfOtherError({ method, headers, body, status }: Exchange): string[] {
    if (method === 'HEAD') return [];
    if (mediaTypeOf(headers) !== 'application/json') return ['it is not JSON'];
    const error = JSON.parse(body) as { statusCode?: number; code?: string };
    if (error.statusCode !== status) return [`its statusCode is ${error.statusCode}`];
    // A route of a test may throw any of Nest's exceptions, whose code is that of their status.
    const isGeneric = error.code === genericKind(status).code;
    const known = isGeneric ? { ...error, code: internalError.code } : error;
    return this.problemsOfValue(errorSchema, known);
  }

  private problemsOfHeaders(response: Response, { headers }: Exchange): string[] {
    return Object.entries(response.headers ?? {}).flatMap(([name, header]) => {
      const { required, schema = {} } = this.resolveHeader(header);
      const value = headers[name.toLowerCase()];
      if (value === undefined) return required ? [`the header ${name} is missing`] : [];
      const isInteger = 'type' in schema && schema.type === 'integer';
      // `Set-Cookie` is the one header that occurs several times.
      return [value]
        .flat()
        .flatMap((each) => this.problemsOfValue(schema, isInteger ? Number(each) : each))
        .map((problem) => `${name}: ${problem}`);
    });
  }

  private resolveHeader(header: Header): Exclude<Header, { $ref: string }> {
    if (!('$ref' in header)) return header;
    const found = this.document.components?.headers?.[header.$ref.split('/').at(-1)!];
    if (!found || '$ref' in found) throw new Error(`The document has no ${header.$ref}.`);
    return found;
  }

  private problemsOfBody(response: Response, { method, headers, body }: Exchange): string[] {
    if (!response.content) {
      // Fastify removes the body of a `HEAD` response later.
      return body === '' || method === 'HEAD' ? [] : ['it has a body, and none is documented'];
    }
    const type = mediaTypeOf(headers);
    const content = response.content[type];
    if (!content) return [`the content type "${type}" is not documented`];
    if (method === 'HEAD') return [];
    const value: unknown = type === 'application/json' ? JSON.parse(body) : body;
    return [
      ...this.problemsOfValue(content.schema ?? {}, value),
      ...problemsOfCode(content, value as { code?: string; error?: string }),
    ];
  }

  private problemsOfValue(schema: Schema, value: unknown): string[] {
    const validate = this.validators.get(schema) ?? this.compile(schema);
    this.validators.set(schema, validate);
    if (validate(value)) return [];
    return (validate.errors ?? []).map(({ instancePath, message, params }) =>
      [instancePath, message, JSON.stringify(params)].filter(Boolean).join(' '),
    );
  }

  private compile(schema: Schema): ValidateFunction {
    const text = JSON.stringify(schema).replaceAll('"#/', '"document#/');
    return this.ajv.compile(JSON.parse(text) as object);
  }
}

function problemsOfUnknownHeaders(response: Response, { headers }: Exchange): string[] {
  const known = Object.keys(response.headers ?? {}).map((name) => name.toLowerCase());
  return MEANINGFUL.filter((name) => headers[name] !== undefined && !known.includes(name)).map(
    (name) => `the header ${name} is not documented`,
  );
}

/** Compares the text of an error with that of the documented example for its code. */
function problemsOfCode(
  { schema, examples }: MediaType,
  { code, error }: { code?: string; error?: string },
) {
  if (!schema || !JSON.stringify(schema).includes(errorSchema.$ref)) return [];
  const example = examples?.[code ?? ''] as { value: { error: string } } | undefined;
  // The schema lists the codes.
  if (!example) return [];
  return example.value.error === error ? [] : [`${code} says "${error}"`];
}

function mediaTypeOf(headers: Exchange['headers']): string {
  const type = headers['content-type'];
  return typeof type === 'string' ? type.split(';', 1)[0]! : '';
}

/** Closes the schemas of objects, so that a member that no schema names is a difference. */
function closeSchemas<T>(node: T): T {
  if (typeof node !== 'object' || node === null) return node;
  for (const member of Object.values(node)) closeSchemas(member);
  const schema = node as { type?: unknown; properties?: unknown; additionalProperties?: unknown };
  if (schema.type === 'object' && typeof schema.properties === 'object') {
    schema.additionalProperties ??= false;
  }
  return node;
}

const checks = new Map<string, ResponseCheck>();

/** The check for a document, by default the service's own. Equal documents share one check. */
export function responseCheck(document: OpenAPIObject = own): ResponseCheck {
  const key = JSON.stringify(document);
  const check = checks.get(key) ?? new ResponseCheck(document);
  checks.set(key, check);
  return check;
}

let problems: string[] = [];
let allowed: string[] = [];

/** Stores the differences of a response, so that the test fails with them. */
export function report(found: readonly string[]): void {
  problems.push(...found);
}

/**
 * Allows one response that no document can describe, such as the error of a hook.
 *
 * @param answer the response as it is reported: `POST /auth/login -> 404`
 */
export function allowUndocumented(answer: string): void {
  allowed.push(answer);
}

/** Returns and clears the stored differences, and the allowed responses that did not occur. */
export function takeProblems(): string[] {
  const others = problems.filter((problem) => !allowed.some((each) => problem.startsWith(each)));
  const unused = allowed.filter((each) => !problems.some((problem) => problem.startsWith(each)));
  [problems, allowed] = [[], []];
  return [...others, ...unused.map((each) => `${each}: allowed, but it did not occur`)];
}
