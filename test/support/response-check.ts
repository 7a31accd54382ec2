import { readFileSync } from 'node:fs';
import type { OpenAPIObject } from '@nestjs/swagger';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { genericKind, internalError } from '../../src/errors/api-error.js';

/** A request and its answer, as they went over the wire. */
export interface Exchange {
  method: string;
  /** With its query string, if any. */
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
/** Headers that a client acts upon, so that a response may carry them only if they are documented. */
const MEANINGFUL = 'allow etag link location retry-after set-cookie www-authenticate'.split(' ');
const own = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as OpenAPIObject;

/** Holds answers against an OpenAPI document. */
export class ResponseCheck {
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true });
  private readonly validators = new Map<object, ValidateFunction>();
  private readonly document: OpenAPIObject;
  private readonly templates: { pattern: RegExp; path: string }[];

  /** @param document of which the paths count that the service itself has; tests bring their own */
  constructor(document: OpenAPIObject) {
    formats.default(this.ajv);
    this.document = closed(structuredClone(document));
    this.ajv.addSchema({ ...this.document, $id: 'document' });
    const paths = Object.keys(document.paths).filter((path) => path in own.paths);
    this.templates = paths
      // A path that is written out goes before one with a parameter.
      .sort((a, b) => Number(a.includes('{')) - Number(b.includes('{')))
      .map((path) => ({ path, pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`) }));
  }

  /** What of the answer the document does not say; sentences that name the operation. */
  problemsOf(exchange: Exchange): string[] {
    const problems = this.problems(exchange);
    const { method, path, status } = exchange;
    return problems.map((problem) => `${method} ${path} -> ${status}: ${problem}`);
  }

  private problems(exchange: Exchange): string[] {
    const { method, status } = exchange;
    const operation = this.operationOf(exchange);
    if (!operation) return status < 400 ? [] : this.problemsOfOddError(exchange);
    const response = operation.responses[status] as Response | undefined;
    if (!response) return [`${method} has no such status`];
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

  /** What no operation answers is refused in the one shape, too. */
  private problemsOfOddError({ method, headers, body, status }: Exchange): string[] {
    if (method === 'HEAD') return [];
    if (mediaTypeOf(headers) !== 'application/json') return ['it is no JSON'];
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
    if (!response.content) return body === '' ? [] : ['it has a body'];
    const type = mediaTypeOf(headers);
    const content = response.content[type];
    if (!content) return [`${type || 'no type'} is not what it answers with`];
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

/** An error is one of those that stand among the examples: by its code, with its own words. */
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

/** A member that no schema names is one that the document does not tell of. */
function closed<T>(node: T): T {
  if (typeof node !== 'object' || node === null) return node;
  for (const member of Object.values(node)) closed(member);
  const schema = node as { type?: unknown; properties?: unknown; additionalProperties?: unknown };
  if (schema.type === 'object' && typeof schema.properties === 'object') {
    schema.additionalProperties ??= false;
  }
  return node;
}

const checks = new Map<string, ResponseCheck>();

/** The check by a document, the service's own unless told; made once for all that say the same. */
export function responseCheck(document: OpenAPIObject = own): ResponseCheck {
  const key = JSON.stringify(document);
  const check = checks.get(key) ?? new ResponseCheck(document);
  checks.set(key, check);
  return check;
}

let problems: string[] = [];
let allowed: string[] = [];

/** Remembers what of an answer the document does not say, for the test to fail with. */
export function report(found: readonly string[]): void {
  problems.push(...found);
}

/**
 * For a test of what no document can tell of, such as the error of a hook: lets one answer pass.
 *
 * @param answer as it is reported: `POST /auth/login -> 404`
 */
export function allowUndocumented(answer: string): void {
  allowed.push(answer);
}

/** What was remembered since it was last asked for, and what was allowed in vain. */
export function takeProblems(): string[] {
  const others = problems.filter((problem) => !allowed.some((each) => problem.startsWith(each)));
  const vain = allowed.filter((each) => !problems.some((problem) => problem.startsWith(each)));
  [problems, allowed] = [[], []];
  return [...others, ...vain.map((each) => `${each}: allowed, and did not happen`)];
}
