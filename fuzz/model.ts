import type { OpenAPIObject } from '@nestjs/swagger';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { Exchange } from '../test/support/response-check.js';
import type { Credentials } from './caller.js';
import type { FuzzRequest, Operation } from './requests.js';

/** What the answers so far say must be true: which rows there are, and whose they are. */
export class Model {
  private readonly ajv = new Ajv2020({ strict: false });
  private readonly bodies = new Map<string, ValidateFunction>();
  /** Whose each book is, by its id. */
  private readonly owners = new Map<string, number>();
  private readonly ships = ['1', '2', '3'];

  constructor(private readonly document: OpenAPIObject) {
    formats.default(this.ajv);
    this.ajv.addSchema({ ...document, $id: 'document' });
  }

  /** An id that a row may have: of one's own, of another's, or of nobody's. */
  idFor(path: string, choice: number, credentials: Credentials | null): string {
    if (path.includes('users')) {
      const own = credentials?.id ?? 1;
      return String([own, own - 1, own + 1, 1, 2][choice % 5]);
    }
    const known = path.includes('book') ? this.books(choice, credentials) : this.ships;
    // Those that were made last are there more likely.
    return known[known.length - 1 - (choice % Math.min(known.length || 1, 10))] ?? '1';
  }

  /** One's own, or anybody's, by turns. */
  private books(choice: number, credentials: Credentials | null): string[] {
    const all = [...this.owners];
    const own = all.filter(([, owner]) => owner === credentials?.id);
    return (choice % 3 > 0 && own.length > 0 ? own : all).map(([id]) => id);
  }

  /** Whether a resource of this path can be asked for by its id. */
  canBeRead(path: string): boolean {
    return /^\/api\/(?:users|ships|books)\/\{id\}$/.test(path);
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
      ...this.problemsOfBooks(operation, id, exchange, credentials),
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

  /** Nobody reads or changes a book of another, and each is there once it was added. */
  private problemsOfBooks(
    { method, path }: Operation,
    id: string,
    { body }: Exchange,
    credentials: Credentials | null,
  ): string[] {
    const own = credentials?.id ?? -1;
    const foreign = (each: string) => (this.owners.get(each) ?? own) !== own;
    if (method === 'POST' && path === '/api/books') {
      this.owners.set(String((JSON.parse(body) as { id: number }).id), own);
    }
    if (method === 'POST' && path === '/api/ships') {
      this.ships.push(String((JSON.parse(body) as { id: number }).id));
    }
    if (method === 'GET' && (path === '/api/books' || path === '/books')) {
      const answer = JSON.parse(body) as { id: number }[] | { list_of_books: { id: number }[] };
      const books = Array.isArray(answer) ? answer : answer.list_of_books;
      const others = books.map((book) => String(book.id)).filter(foreign);
      for (const book of books) this.owners.set(String(book.id), own);
      return others.map((book) => `the list of ${own} has book ${book} of another`);
    }
    if (path.includes('/books/{id}')) {
      return foreign(id) ? [`${own} may ${method} book ${id} of another`] : [];
    }
    return [];
  }
}

/** What takes a token is not for nobody, and users change nobody but themselves. */
function problemsOfAccess(
  { operation, caller, token }: FuzzRequest,
  id: string,
  credentials: Credentials | null,
): string[] {
  const { id: name, scheme, method, path } = operation;
  if (scheme !== null && (credentials === null || token !== null)) {
    return [`${name} let in ${caller} with ${JSON.stringify(token)}`];
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
