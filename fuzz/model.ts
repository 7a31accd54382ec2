import type { OpenAPIObject } from '@nestjs/swagger';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { Exchange } from '../test/support/response-check.js';
import type { Credentials, Session } from './caller.js';
import type { FuzzRequest, Operation } from './requests.js';

/** Whose each row of a kind is, by its id, as far as answers have shown. */
class Owners {
  private readonly owners = new Map<string, number>();

  add(id: string | number, owner: number): void {
    this.owners.set(String(id), owner);
  }

  remove(id: string | number): void {
    this.owners.delete(String(id));
  }

  of(id: string | number): number | undefined {
    return this.owners.get(String(id));
  }

  isForeign(id: string | number, own: number): boolean {
    return (this.of(id) ?? own) !== own;
  }

  /** One of the last few, for a share of the choices of one's own. */
  pick(choice: number, own: number | undefined): string | undefined {
    const all = [...this.owners];
    const mine = all.filter(([, owner]) => owner === own);
    const known = choice % 3 > 0 && mine.length > 0 ? mine : all;
    return latest(known, choice)?.[0];
  }
}

/** What the answers so far say must be true: which rows there are, and whose they are. */
export class Model {
  private readonly ajv = new Ajv2020({ strict: false });
  private readonly bodies = new Map<string, ValidateFunction>();
  private readonly books = new Owners();
  private readonly sessions = new Owners();
  private readonly ships = ['1', '2', '3'];
  /** Those whose access tokens should work. */
  private live: Session[] = [];

  constructor(private readonly document: OpenAPIObject) {
    formats.default(this.ajv);
    this.ajv.addSchema({ ...document, $id: 'document' });
  }

  meet(session: Session | null): void {
    if (!session || this.live.some(({ access }) => access === session.access)) return;
    this.sessions.add(session.sessionId, session.id);
    this.live.push(session);
  }

  ownerOfBook(id: string): number | undefined {
    return this.books.of(id);
  }

  /** The access tokens that this request, which was granted, has ended; they are forgotten then. */
  takeEnded(request: FuzzRequest, id: string, credentials: Credentials): string[] {
    const isEnded = endOf(request, id, credentials);
    if (!isEnded) return [];
    const ended = this.live.filter(isEnded);
    this.live = this.live.filter((session) => !ended.includes(session));
    return ended.map(({ access }) => access);
  }

  /** An id that a row may have: a row of the caller, of another user, or none. */
  idFor(path: string, choice: number, credentials: Credentials | null): string {
    if (path.includes('users')) {
      const own = credentials?.id ?? 1;
      return String([own, own, own - 1, own + 1, 1][choice % 5]);
    }
    if (path.includes('{session}')) return this.sessions.pick(choice, credentials?.id) ?? 'x';
    if (path.includes('book')) return this.books.pick(choice, credentials?.id) ?? '1';
    return latest(this.ships, choice) ?? '1';
  }

  problemsOf(
    request: FuzzRequest,
    id: string,
    exchange: Exchange,
    credentials: Credentials | null,
  ): string[] {
    if (exchange.status >= 300) return [];
    const { operation } = request;
    return [
      ...this.problemsOfBody(request),
      ...problemsOfAccess(request, id, credentials),
      ...this.problemsOfRows(operation, id, exchange, credentials),
    ];
  }

  /** What was accepted is what the document allows. */
  private problemsOfBody({ operation, body }: FuzzRequest): string[] {
    if (!operation.body) return [];
    const schema = JSON.stringify(operation.body).replaceAll('"#/', '"document#/');
    const validate = this.bodies.get(schema) ?? this.ajv.compile(JSON.parse(schema) as object);
    this.bodies.set(schema, validate);
    const value = JSON.parse(body ?? 'null') as object;
    // JSON Schema counts code points as they are sent, and we in NFC.
    if (validate(normalized(value))) return [];
    return [`${operation.id} took ${body}: ${this.ajv.errorsText(validate.errors)}`];
  }

  /** No user reads, changes or ends what belongs to another. */
  private problemsOfRows(
    { method, path }: Operation,
    id: string,
    { body }: Exchange,
    credentials: Credentials | null,
  ): string[] {
    const own = credentials?.id ?? -1;
    if (path === '/auth/me' || path === '/auth/token') {
      const { id: user, subject = user } = JSON.parse(body) as { id?: number; subject?: string };
      return Number(subject) === own ? [] : [`${own} is told to be ${subject}`];
    }
    if (method === 'POST' && path === '/api/ships') this.ships.push(String(rowsOf(body)[0]?.id));
    const rows = /^\/(?:api\/)?books?(?:\/\{id\})?$/.test(path)
      ? this.books
      : path.startsWith('/auth/sessions')
        ? this.sessions
        : null;
    if (!rows) return [];
    const shown = rowsOf(body).map((row) => row.id);
    const foreign = [...shown, ...(path.includes('{') ? [id] : [])].filter((each) =>
      rows.isForeign(each, own),
    );
    for (const each of shown) rows.add(each, own);
    if (method === 'DELETE') rows.remove(id);
    return foreign.map((each) => `${own} may ${method} ${path}, which is another's: ${each}`);
  }
}

/** Which sessions' access tokens a request ends that is granted; null where it ends none. */
function endOf(
  { operation: { method, path }, body }: FuzzRequest,
  id: string,
  own: Credentials,
): ((session: Session) => boolean) | null {
  const others = (session: Session) => session.id === own.id && session.sessionId !== own.sessionId;
  switch (`${method} ${path}`) {
    case 'DELETE /auth/logout':
      return ({ access }) => access === own.access;
    case 'DELETE /auth/logout2':
      return ({ sessionId }) => sessionId === own.sessionId;
    case 'DELETE /auth/sessions/{session}':
      return ({ sessionId }) => sessionId === id;
    case 'DELETE /auth/sessions':
      return others;
    case 'POST /auth/password':
      return (session) => session.id === own.id;
    case 'DELETE /api/users/{id}':
      return (session) => String(session.id) === id;
    case 'PUT /api/users/{id}': {
      const { password } = JSON.parse(body ?? '{}') as { password?: string };
      return id === String(own.id) && password !== own.password ? others : null;
    }
    default:
      return null;
  }
}

/** The rows that an answer shows, alone or in a list. */
function rowsOf(body: string): { id: number | string }[] {
  const answer: unknown = body === '' ? [] : JSON.parse(body);
  const { list_of_books: books = answer } = answer as { list_of_books?: unknown };
  return ([books].flat() as { id?: number | string }[]).filter(
    (row): row is { id: number | string } => row.id !== undefined,
  );
}

/** One of the last ten: those that were made last are there more likely. */
function latest<T>(known: readonly T[], choice: number): T | undefined {
  return known[known.length - 1 - (choice % Math.min(known.length || 1, 10))];
}

/** A route that takes a token refuses anonymous requests, and users change only themselves. */
function problemsOfAccess(
  { operation, caller, token, swapped }: FuzzRequest,
  id: string,
  credentials: Credentials | null,
): string[] {
  const { id: name, scheme, method, path } = operation;
  if (scheme !== null && (credentials === null || token !== null)) {
    return [`${name} let in ${caller} with ${JSON.stringify(token)}`];
  }
  if (scheme !== null && scheme !== 'basic' && swapped) {
    return [`${name} let in ${caller} with a token of the other kind`];
  }
  const changesUser = path === '/api/users/{id}' && method !== 'GET';
  if (changesUser && caller !== 'admin' && id !== String(credentials?.id)) {
    return [`${caller} may ${method} user ${id}`];
  }
  if (path === '/api/audit' && caller !== 'admin') return [`${caller} may read the audit trail`];
  return [];
}

function normalized(value: unknown): unknown {
  if (typeof value === 'string') return value.normalize('NFC');
  if (Array.isArray(value)) return value.map(normalized);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, normalized(member)]),
  );
}
