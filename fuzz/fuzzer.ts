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
    const id = this.idFor(given, credentials);
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

  private idFor({ operation, id }: FuzzRequest, credentials: Credentials | null): string {
    if (typeof id === 'string') return id;
    if (operation.path.includes('{session}')) {
      const sessions = Object.values(this.callers).flatMap(({ sessionId }) => sessionId ?? []);
      return sessions[id % Math.max(1, sessions.length)] ?? 'x';
    }
    return this.model.idFor(operation.path, id, credentials);
  }

  private async exchange(
    method: string,
    path: string,
    { operation, token, body, contentType }: FuzzRequest,
    credentials: Credentials | null,
  ): Promise<Exchange> {
    this.requests++;
    const headers = {
      ...headersFor(operation.scheme, token, credentials),
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
    const again = async (url: string) =>
      (await this.exchange('GET', url, { ...request, body: null }, credentials)).status;
    if (method === 'GET' && typeof headers.link === 'string') {
      const [, next = ''] = /<https?:\/\/[^/]+(.+)>/.exec(headers.link) ?? [];
      const found = await again(next);
      if (found !== 200) return [`${next}, the next page of ${path}, is ${found}`];
    }
    if (method === 'DELETE' && status < 300 && this.model.canBeRead(request.operation.path)) {
      const found = await again(`/api/${request.operation.path.split('/')[2]}/${id}`);
      // Whoever deletes themselves has no token any more.
      if (found !== 404 && found !== 401) return [`${path} was deleted, and is ${found}`];
    }
    return [];
  }
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
  scheme: string | null,
  token: string | null,
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
  const own = scheme === 'refresh_token' ? refresh : access;
  if (scheme.startsWith('header.')) return { [scheme.slice('header.'.length)]: odd ?? own };
  return { authorization: `Bearer ${odd ?? own}` };
}
