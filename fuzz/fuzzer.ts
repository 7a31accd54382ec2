import fc from 'fast-check';
import type { OpenAPIObject } from '@nestjs/swagger';
import { type Exchange, ResponseCheck } from '../test/support/response-check.js';
import { Caller, type Credentials, type Session, sessionOf } from './caller.js';
import { Model } from './model.js';
import {
  CALLERS,
  type FuzzRequest,
  type Operation,
  operationsOf,
  requests,
  resolveIn,
} from './requests.js';

/** A service that runs. */
export interface FuzzTarget {
  url: string;
  document: OpenAPIObject;
  makeAdmin: (name: string) => Promise<void>;
}

export interface FuzzReport {
  requests: number;
  /** How often each operation gave each status: `shipsCreate 201`. */
  answers: Map<string, number>;
}

/**
 * Sends requests to every operation of the document, valid and broken, from four callers, and holds
 * each answer against what must be true of it.
 *
 * @throws Error that names the smallest request found that shows what is wrong, and the seed
 */
export async function fuzz(
  target: FuzzTarget,
  { count, seed }: { count: number; seed: number },
): Promise<FuzzReport> {
  const fuzzer = new Fuzzer(target);
  const arbitrary = requests(operationsOf(target.document), resolveIn(target.document));
  const property = fc.asyncProperty(arbitrary, (request) => fuzzer.send(request));
  // Rows that are there make a smaller request another one: few steps are enough.
  await fc.assert(property, { numRuns: count, seed, includeErrorInReport: true });
  return { requests: fuzzer.requests, answers: fuzzer.answers };
}

class Fuzzer {
  requests = 0;
  readonly answers = new Map<string, number>();
  private readonly check: ResponseCheck;
  private readonly model: Model;
  private readonly callers: Record<string, Caller>;
  private names = 0;

  constructor(private readonly target: FuzzTarget) {
    this.check = new ResponseCheck(target.document);
    this.model = new Model(target.document);
    const newName = () => `fuzz-${++this.names}-${Date.now().toString(36)}`;
    this.callers = Object.fromEntries(
      CALLERS.map((name) => [name, new Caller(name, target.url, target.makeAdmin, newName)]),
    );
  }

  /** @throws Error with a sentence for each thing that is wrong */
  async send(given: FuzzRequest): Promise<void> {
    const { operation } = given;
    const credentials = await this.callers[given.caller]!.credentials();
    this.model.meet(credentials);
    const id =
      typeof given.id === 'string'
        ? given.id
        : this.model.idFor(operation.path, given.id, credentials);
    const request = given.fitting ? fitted(given, id, credentials) : given;
    const path = pathOf(request, id);
    const before = await this.witness(operation, id);
    const exchange = await this.exchange(operation.method, path, request, credentials);
    const key = `${operation.id} ${exchange.status}`;
    this.answers.set(key, (this.answers.get(key) ?? 0) + 1);
    const problems = [
      ...(exchange.status >= 500 ? [`${exchange.status} ${exchange.body}`] : []),
      ...this.check.problemsOf(exchange),
      ...this.model.problemsOf(request, id, exchange, credentials),
      ...(await this.problemsOfNextPage(request, id, exchange, credentials)),
      ...(await this.problemsOfEnds(request, id, exchange, credentials)),
    ];
    // A new password ends every session but the one that its answer opens.
    this.model.meet(issuedIn(exchange));
    if (exchange.status >= 400 && (await this.witness(operation, id)) !== before) {
      problems.push(`${operation.method} ${path} was refused, and did it: it was ${before}`);
    }
    if (problems.length > 0) throw new Error(problems.join('\n'));
  }

  private async exchange(
    method: string,
    path: string,
    request: FuzzRequest,
    credentials: Credentials | null,
  ): Promise<Exchange> {
    this.requests++;
    const { body, contentType } = request;
    const headers = {
      ...headersFor(request, credentials),
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

  /** A list goes on where it says so, and shows no more there than here. */
  private async problemsOfNextPage(
    request: FuzzRequest,
    id: string,
    { method, path, headers }: Exchange,
    credentials: Credentials | null,
  ): Promise<string[]> {
    if (method !== 'GET' || typeof headers.link !== 'string') return [];
    const [, next = ''] = /<(?:https?:\/\/[^/]+)?(.+)>/.exec(headers.link) ?? [];
    const page = await this.exchange('GET', next, { ...request, body: null }, credentials);
    return [
      ...(page.status === 200 ? [] : [`${next}, the page behind ${path}, is ${page.status}`]),
      ...this.check.problemsOf(page),
      ...this.model.problemsOf(request, id, page, credentials),
    ];
  }

  /** What was deleted is not there any more, and no token works whose session was ended. */
  private async problemsOfEnds(
    request: FuzzRequest,
    id: string,
    { method, path, status }: Exchange,
    credentials: Credentials | null,
  ): Promise<string[]> {
    if (status >= 300 || !credentials) return [];
    const problems: string[] = [];
    for (const token of this.model.takeEnded(request, id, credentials)) {
      const found = await this.read('/auth/token', token);
      if (found.status !== 401) problems.push(`after ${method} ${path}, a token of it still works`);
    }
    const kind = kindOf(request.operation);
    if (method === 'DELETE' && kind !== undefined) {
      const found = await this.read(`/api/${kind}/${id}`, credentials.access);
      if (found.status !== 404) problems.push(`after DELETE ${path}, it is ${found.status}`);
    }
    return problems;
  }

  /** A row that a request is about to change or delete, as its owner sees it; null where it is not. */
  private async witness(operation: Operation, id: string): Promise<string | null> {
    const kind = kindOf(operation);
    if (operation.method === 'GET' || kind === undefined || !/^\d+$/.test(id)) return null;
    const owner = this.model.ownerOfBook(id);
    const token = Object.values(this.callers).find(({ known }) => known?.id === owner)?.known
      ?.access;
    if (kind === 'books' && token === undefined) return null;
    const { status, body } = await this.read(`/api/${kind}/${id}`, token);
    return status === 200 ? body : null;
  }

  private async read(path: string, token?: string): Promise<{ status: number; body: string }> {
    this.requests++;
    const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
    const response = await fetch(this.target.url + path, { headers });
    return { status: response.status, body: await response.text() };
  }
}

/** What lies at `/api/<kind>/<id>` and is what the operation is about, if anything. */
function kindOf({ path }: Operation): string | undefined {
  return /(\w+)\/\{id\}$/.exec(path)?.[1];
}

/** The session that an answer opens, or goes on with, if any. */
function issuedIn({ status, headers, body }: Exchange): Session | null {
  if (status !== 200 || !String(headers['content-type']).startsWith('application/json'))
    return null;
  const { access_token: access } = JSON.parse(body) as { access_token?: string };
  return access === undefined ? null : sessionOf(access);
}

/** With what only this caller knows in the places where it belongs. */
function fitted(request: FuzzRequest, id: string, credentials: Credentials | null): FuzzRequest {
  const body = parsed(request.body);
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

function parsed(body: string | null): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body ?? 'null');
    return typeof value === 'object' && !Array.isArray(value) ? (value as never) : null;
  } catch {
    return null;
  }
}

function pathOf({ operation, query }: FuzzRequest, id: string): string {
  const path = operation.path.replace(/\{\w+\}/, encodeURIComponent(id.toWellFormed()));
  const words = query.map(([name, value]) =>
    [name, value].map((word) => encodeURIComponent(word.toWellFormed())).join('='),
  );
  return words.length === 0 ? path : `${path}?${words.join('&')}`;
}

function headersFor(
  { operation: { scheme }, token, swapped }: FuzzRequest,
  credentials: Credentials | null,
): Record<string, string> {
  if (scheme === null || (credentials === null && token === null)) return {};
  const { name = '', password = '', access = '', refresh = '' } = credentials ?? {};
  // Whatever a header can hold.
  const odd = token?.replace(/[^\x20-\x7e]/g, '?').trim();
  if (scheme === 'basic') {
    const encoded = Buffer.from(odd ?? `${name}:${password}`).toString('base64');
    return { authorization: `Basic ${encoded}` };
  }
  const own = (scheme === 'refresh_token') === swapped ? access : refresh;
  if (scheme.startsWith('header.')) return { [scheme.slice('header.'.length)]: odd ?? own };
  return { authorization: `Bearer ${odd ?? own}` };
}
