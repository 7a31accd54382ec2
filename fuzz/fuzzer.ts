import fc from 'fast-check';
import type { OpenAPIObject } from '@nestjs/swagger';
import { type Exchange, ResponseCheck } from '../test/support/response-check.js';
import { Caller, type Credentials } from './caller.js';
import { Model } from './model.js';
import { CALLERS, type FuzzRequest, operationsOf, requests, resolveIn } from './requests.js';

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
    const exchange = await this.exchange(operation.method, path, request, credentials);
    const key = `${operation.id} ${exchange.status}`;
    this.answers.set(key, (this.answers.get(key) ?? 0) + 1);
    const problems = [
      ...(exchange.status >= 500 ? [`${exchange.status} ${exchange.body}`] : []),
      ...this.check.problemsOf(exchange),
      ...this.model.problemsOf(request, id, exchange, credentials),
      ...(await this.problemsAfterwards(request, id, path, exchange, credentials)),
    ];
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

  /** A list goes on where it says so, and what was deleted is not there any more. */
  private async problemsAfterwards(
    request: FuzzRequest,
    id: string,
    path: string,
    { method, status, headers }: Exchange,
    credentials: Credentials | null,
  ): Promise<string[]> {
    if (method === 'GET' && typeof headers.link === 'string') {
      const [, next = ''] = /<https?:\/\/[^/]+(.+)>/.exec(headers.link) ?? [];
      const again = await this.exchange('GET', next, { ...request, body: null }, credentials);
      return again.status === 200 ? [] : [`${next}, the page behind ${path}, is ${again.status}`];
    }
    const proof =
      method === 'DELETE' && status < 300 ? proofOf(request.operation.path, id, credentials) : null;
    if (!proof) return [];
    this.requests++;
    const authorization = `Bearer ${credentials?.access}`;
    const after = await fetch(this.target.url + proof.path, { headers: { authorization } });
    const body = await after.text();
    if (proof.statuses.includes(after.status) && !proof.lacks?.test(body)) return [];
    return [`after DELETE ${path}, ${proof.path} is ${after.status} ${body}`];
  }
}

/** What a caller sees when something is gone. */
interface Proof {
  path: string;
  statuses: readonly number[];
  /** What the body does not hold. */
  lacks?: RegExp;
}

/** What shows that a DELETE of this path has done what it said. */
function proofOf(path: string, id: string, credentials: Credentials | null): Proof | null {
  const refused = { path: '/auth/token', statuses: [401] };
  if (path.startsWith('/auth/logout')) return refused;
  if (path === '/auth/sessions/{session}') {
    if (id === credentials?.sessionId) return refused;
    return { path: '/auth/sessions', statuses: [200], lacks: new RegExp(id) };
  }
  if (path === '/auth/sessions') {
    return { path, statuses: [200], lacks: /"current":false/ };
  }
  // Whoever deletes themselves has no token any more.
  const [, kind] = /(\w+)\/\{id\}$/.exec(path) ?? [];
  return { path: `/api/${kind}/${id}`, statuses: [404, 401] };
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
