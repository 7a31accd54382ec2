import type { OpenAPIObject } from '@nestjs/swagger';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { Exchange } from '../test/support/response-check.js';
import type { Credentials, Session } from './caller.js';
import type { FuzzRequest, Operation } from './requests.js';

/** The owner of rows that every user may read. */
const ANYONE = 0;

/** The owners of the rows of one kind, by id, as far as responses have shown them. */
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

  isForeign(id: string | number, userId: number): boolean {
    return (this.of(id) ?? userId) !== userId;
  }

  /** Picks one of the latest rows: for two thirds of the choices a row of this user, if any. */
  pick(choice: number, userId: number | undefined): string | undefined {
    const all = [...this.owners];
    const own = all.filter(([, owner]) => owner === userId);
    const candidates = choice % 3 > 0 && own.length > 0 ? own : all;
    return pickLatest(candidates, choice)?.[0];
  }
}

/** The expected state of the service: its rows and their owners, as far as responses have shown. */
export class Model {
  private readonly ajv = new Ajv2020({ strict: false });
  private readonly bodies = new Map<string, ValidateFunction>();
  private readonly sessions = new Owners();
  /** The rows of each kind at `/api/<kind>`. */
  private readonly rows = new Map<string, Owners>();
  /** The sessions whose access tokens must work. */
  private active: Session[] = [];

  constructor(private readonly document: OpenAPIObject) {
    formats.default(this.ajv);
    this.ajv.addSchema({ ...document, $id: 'document' });
  }

  addSession(session: Session | null): void {
    if (!session || this.active.some(({ access }) => access === session.access)) return;
    this.sessions.add(session.sessionId, session.userId);
    this.active.push(session);
  }

  /**
   * Whether each row of a kind belongs to the user who created it: its list requires a token of any
   * user.
   */
  isOwned(kind: string): boolean {
    const { get } = this.document.paths[`/api/${kind}`] ?? {};
    return kind !== 'users' && (get?.security ?? []).length > 0;
  }

  /**
   * The kind of the rows at a path such as `/api/<kind>/{id}`, if any. A feature may also have its
   * rows at a path without `/api`, in the plural or in the singular.
   */
  kindOf(path: string): string | undefined {
    const [, name = ''] = /^\/(?:api\/)?([\w-]+)(?:\/\{id\})?$/.exec(path) ?? [];
    const kind = [name, `${name}s`].find((each) => `/api/${each}` in this.document.paths);
    return kind === 'audit' ? undefined : kind;
  }

  ownerOf(kind: string, id: string): number | undefined {
    return this.rowsOf(kind).of(id);
  }

  /** Returns the access tokens that a successful request has ended, and forgets them. */
  takeEnded(request: FuzzRequest, id: string, credentials: Credentials): string[] {
    const isEnded = endedSessions(request, id, credentials);
    if (!isEnded) return [];
    const ended = this.active.filter(isEnded);
    this.active = this.active.filter((session) => !ended.includes(session));
    return ended.map(({ access }) => access);
  }

  /** An id for a path: that of a row of the caller, of a row of another user, or of no row. */
  idFor(path: string, choice: number, credentials: Credentials | null): string {
    if (path.includes('users')) {
      const own = credentials?.userId ?? 1;
      return String([own, own, own - 1, own + 1, 1][choice % 5]);
    }
    if (path.includes('{session}')) return this.sessions.pick(choice, credentials?.userId) ?? 'x';
    return this.rowsOf(this.kindOf(path) ?? '').pick(choice, credentials?.userId) ?? '1';
  }

  private rowsOf(kind: string): Owners {
    const known = this.rows.get(kind) ?? new Owners();
    this.rows.set(kind, known);
    return known;
  }

  /** @returns a sentence for each rule that a successful request has violated */
  violationsOf(
    request: FuzzRequest,
    id: string,
    exchange: Exchange,
    credentials: Credentials | null,
  ): string[] {
    if (exchange.status >= 300) return [];
    const { operation } = request;
    return [
      ...this.violationsOfBody(request),
      ...violationsOfAccess(request, id, credentials),
      ...this.violationsOfRows(operation, id, exchange, credentials),
    ];
  }

  /** An accepted body must match its schema in the document. */
  private violationsOfBody({ operation, body }: FuzzRequest): string[] {
    if (!operation.body) return [];
    const schema = JSON.stringify(operation.body).replaceAll('"#/', '"document#/');
    const validate = this.bodies.get(schema) ?? this.ajv.compile(JSON.parse(schema) as object);
    this.bodies.set(schema, validate);
    const value = JSON.parse(body ?? 'null') as object;
    // JSON Schema counts the code points as sent; the service counts them after NFC.
    if (validate(normalize(value))) return [];
    return [`${operation.id} accepted ${body}: ${this.ajv.errorsText(validate.errors)}`];
  }

  /** No user may read, change or end a row of another user. */
  private violationsOfRows(
    { method, path }: Operation,
    id: string,
    { body }: Exchange,
    credentials: Credentials | null,
  ): string[] {
    const own = credentials?.userId ?? -1;
    if (path === '/auth/me' || path === '/auth/token') {
      const { id: user, subject = user } = JSON.parse(body) as { id?: number; subject?: string };
      return Number(subject) === own ? [] : [`${path} answers user ${own} as user ${subject}`];
    }
    const kind = this.kindOf(path);
    const rows = path.startsWith('/auth/sessions') ? this.sessions : kind && this.rowsOf(kind);
    if (!rows) return [];
    const shown = rowsOf(body).map((row) => row.id);
    if (kind !== undefined && !this.isOwned(kind)) {
      for (const each of shown) rows.add(each, ANYONE);
      return [];
    }
    const foreign = [...shown, ...(path.includes('{') ? [id] : [])].filter((each) =>
      rows.isForeign(each, own),
    );
    for (const each of shown) rows.add(each, own);
    if (method === 'DELETE') rows.remove(id);
    return foreign.map(
      (each) => `user ${own} may ${method} ${path}: ${each} belongs to another user`,
    );
  }
}

/** Selects the sessions whose access tokens a successful request ends; null if it ends none. */
function endedSessions(
  { operation: { method, path }, body }: FuzzRequest,
  id: string,
  own: Credentials,
): ((session: Session) => boolean) | null {
  const others = ({ userId, sessionId }: Session) =>
    userId === own.userId && sessionId !== own.sessionId;
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
      return ({ userId }) => userId === own.userId;
    case 'DELETE /api/users/{id}':
      return ({ userId }) => String(userId) === id;
    case 'PUT /api/users/{id}':
    case 'PATCH /api/users/{id}': {
      const { password = own.password } = JSON.parse(body ?? '{}') as { password?: string };
      return id === String(own.userId) && password !== own.password ? others : null;
    }
    default:
      return null;
  }
}

/** The rows that a response holds, either a single one or a list. */
function rowsOf(body: string): { id: number | string }[] {
  const answer = (body === '' ? [] : JSON.parse(body)) as object;
  // A list may be the only member of an object.
  const [list, ...others] = Object.values(answer) as unknown[];
  const rows = others.length === 0 && Array.isArray(list) ? list : answer;
  return ([rows].flat() as { id?: number | string }[]).filter(
    (row): row is { id: number | string } => row.id !== undefined,
  );
}

/** Picks one of the last ten, which are most likely to exist still. */
function pickLatest<T>(known: readonly T[], choice: number): T | undefined {
  return known[known.length - 1 - (choice % Math.min(known.length || 1, 10))];
}

/** A route that takes a token must refuse anonymous requests. Users may only change themselves. */
function violationsOfAccess(
  { operation, caller, token, wrongTokenType }: FuzzRequest,
  id: string,
  credentials: Credentials | null,
): string[] {
  const { id: name, scheme, method, path } = operation;
  if (scheme !== null && (credentials === null || token !== null)) {
    return [`${name} accepted the caller ${caller} with the token ${JSON.stringify(token)}`];
  }
  if (scheme !== null && scheme !== 'basic' && wrongTokenType) {
    return [`${name} accepted the caller ${caller} with a token of the other type`];
  }
  const changesUser = path === '/api/users/{id}' && method !== 'GET';
  if (changesUser && caller !== 'admin' && id !== String(credentials?.userId)) {
    return [`the caller ${caller} may ${method} user ${id}`];
  }
  if (path === '/api/audit' && caller !== 'admin') {
    return [`the caller ${caller} may read the audit trail`];
  }
  return [];
}

function normalize(value: unknown): unknown {
  if (typeof value === 'string') return value.normalize('NFC');
  if (Array.isArray(value)) return value.map(normalize);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, normalize(member)]),
  );
}
