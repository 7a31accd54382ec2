import fc from 'fast-check';
import type { OpenAPIObject } from '@nestjs/swagger';
import { type Exchange, ResponseCheck } from '../test/support/response-check.js';
import { Caller, type Credentials, type Session, sessionOf } from './caller.js';
import { SeenTags, valueOf, violationsOfIfMatch } from './conditions.js';
import { Model } from './model.js';
import {
  CALLERS,
  type FuzzRequest,
  type Operation,
  operationsOf,
  requests,
  resolveIn,
} from './requests.js';

/** A running service. */
interface FuzzTarget {
  url: string;
  document: OpenAPIObject;
  makeAdmin: (name: string) => Promise<unknown>;
}

/** A row as a client sees it. */
interface Row {
  body: string;
  etag: string;
}

/** The first request with a key, and its response. */
interface KeyedRequest {
  request: FuzzRequest;
  exchange: Exchange;
  key: string;
  /** The user who sent it, because a caller that is deleted registers as another user. */
  userId: number | undefined;
}

export interface FuzzReport {
  requests: number;
  /** How often each operation answered with each status, by keys such as `usersCreate 201`. */
  answers: Map<string, number>;
}

/**
 * Sends valid and broken requests from four callers to every operation of the document, and checks
 * each response.
 *
 * @throws Error that names the seed and the smallest request found that causes a violation
 */
export async function fuzz(
  target: FuzzTarget,
  { count, seed }: { count: number; seed: number },
): Promise<FuzzReport> {
  const fuzzer = new Fuzzer(target);
  const arbitrary = requests(operationsOf(target.document), resolveIn(target.document));
  const property = fc.asyncProperty(arbitrary, (request) => fuzzer.send(request));
  // Shrinking takes few steps, because each request changes the rows that the next one finds.
  await fc.assert(property, { numRuns: count, seed, includeErrorInReport: true });
  return { requests: fuzzer.requests, answers: fuzzer.answers };
}

class Fuzzer {
  requests = 0;
  readonly answers = new Map<string, number>();
  private readonly check: ResponseCheck;
  private readonly model: Model;
  private readonly callers: Record<string, Caller>;
  private readonly tags = new SeenTags();
  private readonly keyed: KeyedRequest[] = [];
  private names = 0;

  constructor(private readonly target: FuzzTarget) {
    this.check = new ResponseCheck(target.document);
    this.model = new Model(target.document);
    const newName = () => `fuzz-${++this.names}-${Date.now().toString(36)}`;
    this.callers = Object.fromEntries(
      CALLERS.map((name) => [name, new Caller(name, target.url, target.makeAdmin, newName)]),
    );
  }

  /** @throws Error with one line for each violation */
  async send(generated: FuzzRequest): Promise<void> {
    if (generated.conditions.key === 'repeat') await this.repeat(generated);
    const { operation } = generated;
    const credentials = await this.callers[generated.caller]!.credentials();
    this.model.addSession(credentials);
    const id =
      typeof generated.id === 'string'
        ? generated.id
        : this.model.idFor(operation.path, generated.id, credentials);
    const before = await this.readRow(operation, id);
    const known = generated.usesKnownValues
      ? withKnownValues(generated, id, credentials)
      : generated;
    const request = before ? known : withoutCurrentTag(known);
    const path = pathOf(request, id);
    const headers = await this.conditionalHeaders(request, path, before?.etag, credentials);
    const exchange = await this.exchange(operation.method, path, request, credentials, headers);
    this.remember(request, exchange, headers['idempotency-key'], credentials);
    const key = `${operation.id} ${exchange.status}`;
    this.answers.set(key, (this.answers.get(key) ?? 0) + 1);
    const violations = [
      ...(exchange.status >= 500 ? [`${exchange.status} ${exchange.body}`] : []),
      ...this.check.problemsOf(exchange),
      ...this.model.violationsOf(request, id, exchange, credentials),
      ...(await this.violationsOfNextPage(request, id, exchange, credentials)),
      ...(await this.violationsOfEnds(request, id, exchange, credentials)),
      ...(await this.violationsOfTags(request, exchange, credentials)),
    ];
    // Added after these checks: a changed password ends every session except the one it opens.
    this.model.addSession(issuedSession(exchange));
    const after = exchange.status < 400 ? before : await this.readRow(operation, id);
    if (after?.body !== before?.body || after?.etag !== before?.etag) {
      violations.push(
        `${operation.method} ${path} was refused but changed the row ${before?.body}`,
      );
    }
    if (violations.length > 0) throw new Error(violations.join('\n'));
  }

  private async exchange(
    method: string,
    path: string,
    request: FuzzRequest,
    credentials: Credentials | null,
    conditional: Record<string, string> = {},
  ): Promise<Exchange> {
    this.requests++;
    const { body, contentType } = request;
    const headers = {
      ...headersFor(request, credentials),
      ...conditional,
      ...(body !== null && contentType !== '' && { 'content-type': contentType }),
    };
    const sent = body === null ? {} : { body: Buffer.from(body) };
    const response = await fetch(this.target.url + path, {
      method,
      headers,
      redirect: 'manual',
      ...sent,
    });
    return {
      method,
      path,
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: await response.text(),
    };
  }

  /** The conditional headers of a request, and a new `Idempotency-Key`. */
  private async conditionalHeaders(
    request: FuzzRequest,
    path: string,
    etag: string | undefined,
    credentials: Credentials | null,
  ): Promise<Record<string, string>> {
    const { ifMatch, ifNoneMatch, key } = request.conditions;
    const isRead = ifNoneMatch === 'current' || ifNoneMatch === 'earlier';
    const read = isRead ? await this.exchange('GET', path, request, credentials) : undefined;
    const current = etag ?? (read?.headers.etag as string | undefined) ?? '"x"';
    const headers = {
      'if-match': valueOf(ifMatch, path, current, this.tags),
      'if-none-match': valueOf(ifNoneMatch, path, current, this.tags),
      'idempotency-key':
        key === 'none' ? undefined : typeof key === 'object' ? key.hostile : `key-${this.requests}`,
    };
    return Object.fromEntries(
      Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
  }

  private remember(
    request: FuzzRequest,
    exchange: Exchange,
    key: string | undefined,
    credentials: Credentials | null,
  ): void {
    if (exchange.status === 201 && key !== undefined && request.token === null) {
      this.keyed.push({ request, exchange, key, userId: credentials?.userId });
    }
  }

  /**
   * Sends the latest request of an operation that had a key once more.
   *
   * @throws Error if it creates another row, or gets another answer
   */
  private async repeat({ operation, caller }: FuzzRequest): Promise<void> {
    const credentials = await this.callers[caller]!.credentials();
    const first = this.keyed.findLast(
      ({ request, userId }) =>
        request.operation === operation &&
        request.caller === caller &&
        userId === credentials?.userId,
    );
    const kind = this.model.kindOf(operation.path);
    if (!first || kind === undefined) return;
    const newest = () => this.read(`/api/${kind}?sort=-id&limit=1`, credentials?.access);
    const { body: before } = await newest();
    const headers = { 'idempotency-key': first.key };
    const again = await this.exchange('POST', operation.path, first.request, credentials, headers);
    const problems = this.check.problemsOf(again);
    if ((await newest()).body !== before)
      problems.push(`${operation.id} was repeated and created a row`);
    const isReplay = again.headers['idempotent-replayed'] === 'true';
    if (again.status < 300 && (!isReplay || again.body !== first.exchange.body)) {
      problems.push(
        `${operation.id} answers ${first.exchange.body} by ${again.body} if it is repeated`,
      );
    }
    if (problems.length > 0) throw new Error(problems.join('\n'));
  }

  /** One tag stands for one body, and a 304 hides no change. */
  private async violationsOfTags(
    request: FuzzRequest,
    exchange: Exchange,
    credentials: Credentials | null,
  ): Promise<string[]> {
    const { method, path, status, headers } = exchange;
    const violations = violationsOfIfMatch(request.conditions.ifMatch, exchange);
    if (method !== 'GET' || typeof headers.etag !== 'string') return violations;
    const { etag } = headers;
    if (status === 200) return [...violations, ...this.tags.add(path, etag, exchange.body)];
    const now = await this.exchange('GET', path, request, credentials);
    if (now.headers.etag !== etag) violations.push(`GET ${path} is 304 although it has changed`);
    return [...violations, ...this.tags.add(path, String(now.headers.etag), now.body)];
  }

  /** The next page of a list must exist and obey the same rules. */
  private async violationsOfNextPage(
    request: FuzzRequest,
    id: string,
    { method, path, headers }: Exchange,
    credentials: Credentials | null,
  ): Promise<string[]> {
    if (method !== 'GET' || typeof headers.link !== 'string') return [];
    const [, next = ''] = /<(?:https?:\/\/[^/]+)?(.+)>/.exec(headers.link) ?? [];
    const page = await this.exchange('GET', next, { ...request, body: null }, credentials);
    return [
      ...(page.status === 200 ? [] : [`${next}, the page after ${path}, is ${page.status}`]),
      ...this.check.problemsOf(page),
      ...this.model.violationsOf(request, id, page, credentials),
    ];
  }

  /** A deleted row must be gone, and no token of an ended session may work. */
  private async violationsOfEnds(
    request: FuzzRequest,
    id: string,
    { method, path, status }: Exchange,
    credentials: Credentials | null,
  ): Promise<string[]> {
    if (status >= 300 || !credentials) return [];
    const violations: string[] = [];
    for (const token of this.model.takeEnded(request, id, credentials)) {
      const { status: found } = await this.read('/auth/token', token);
      if (found !== 401) violations.push(`after ${method} ${path}, an ended token still works`);
    }
    const kind = this.model.kindOf(request.operation.path);
    if (method === 'DELETE' && kind !== undefined) {
      const { status: found } = await this.read(`/api/${kind}/${id}`, credentials.access);
      if (found !== 404) violations.push(`after DELETE ${path}, the status of GET is ${found}`);
    }
    return violations;
  }

  /**
   * Reads the row that a request would change or delete, as its owner.
   *
   * @returns null if there is no such row
   */
  private async readRow(operation: Operation, id: string): Promise<Row | null> {
    const kind = this.model.kindOf(operation.path);
    if (operation.method === 'GET' || kind === undefined || !/^\d+$/.test(id)) return null;
    const owner = this.model.ownerOf(kind, id);
    const token = Object.values(this.callers).find(({ current }) => current?.userId === owner)
      ?.current?.access;
    if (this.model.isOwned(kind) && token === undefined) return null;
    const { status, body, etag } = await this.read(`/api/${kind}/${id}`, token);
    return status === 200 ? { body, etag } : null;
  }

  private async read(path: string, token?: string): Promise<Row & { status: number }> {
    this.requests++;
    const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
    const response = await fetch(this.target.url + path, { headers });
    const etag = response.headers.get('etag') ?? '';
    return { status: response.status, body: await response.text(), etag };
  }
}

/** The session of the access token in a response; null if the response holds none. */
function issuedSession({ status, headers, body }: Exchange): Session | null {
  if (status !== 200 || !String(headers['content-type']).startsWith('application/json'))
    return null;
  const { access_token: access } = JSON.parse(body) as { access_token?: string };
  return access === undefined ? null : sessionOf(access);
}

/** Replaces values in the body by the ones that only this caller knows, such as its password. */
function withKnownValues(
  request: FuzzRequest,
  id: string,
  credentials: Credentials | null,
): FuzzRequest {
  const body = parseObject(request.body);
  if (body === null) return request;
  const { name: username, password } = credentials ?? {};
  const known = { id: Number(id), username, password, current_password: password };
  const names =
    request.operation.id === 'authLogin' ? ['username', 'password'] : ['id', 'current_password'];
  for (const [name, value] of Object.entries(known)) {
    if (names.includes(name) && name in body && value !== undefined) body[name] = value;
  }
  return { ...request, body: JSON.stringify(body) };
}

/** Without the row, its tag is not known. */
function withoutCurrentTag(request: FuzzRequest): FuzzRequest {
  const { conditions } = request;
  if (conditions.ifMatch !== 'current') return request;
  return { ...request, conditions: { ...conditions, ifMatch: { hostile: '"x"' } } };
}

function parseObject(body: string | null): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body ?? 'null');
    return typeof value === 'object' && !Array.isArray(value) ? (value as never) : null;
  } catch {
    return null;
  }
}

function pathOf({ operation, query }: FuzzRequest, id: string): string {
  const path = operation.path.replace(/\{\w+\}/, encodeURIComponent(id.toWellFormed()));
  const parameters = query.map(([name, value]) =>
    [name, value].map((part) => encodeURIComponent(part.toWellFormed())).join('='),
  );
  return parameters.length === 0 ? path : `${path}?${parameters.join('&')}`;
}

function headersFor(
  { operation: { scheme }, token, wrongTokenType }: FuzzRequest,
  credentials: Credentials | null,
): Record<string, string> {
  if (scheme === null || (credentials === null && token === null)) return {};
  const { name = '', password = '', access = '', refresh = '' } = credentials ?? {};
  // Only characters that a header can hold.
  const hostile = token?.replace(/[^\x20-\x7e]/g, '?').trim();
  if (scheme === 'basic') {
    const encoded = Buffer.from(hostile ?? `${name}:${password}`).toString('base64');
    return { authorization: `Basic ${encoded}` };
  }
  const own = (scheme === 'refresh_token') === wrongTokenType ? access : refresh;
  if (scheme.startsWith('header.')) return { [scheme.slice('header.'.length)]: hostile ?? own };
  return { authorization: `Bearer ${hostile ?? own}` };
}
