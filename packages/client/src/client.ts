import createApiClient, { type Client } from 'openapi-fetch';
import type { paths as ApiPaths } from './api-types.js';
import { idempotentPaths } from './idempotent-paths.js';
import { randomId } from './locks.js';
import { bearerLogin, cookieLogin } from './login.js';
import { itemsOf, type ItemOf, type ListPath, type ListResult, type PageOptions } from './pages.js';
import { type Fetch, IDEMPOTENCY_KEY } from './retries.js';
import { LOGIN, LOGOUT, send, type Session } from './session.js';
import { type TokenStorage, webStorage, type WebStorage } from './storage.js';

export interface ClientOptions {
  /** The address of the service, such as `https://api.example.com`; empty for that of the page. */
  baseUrl: string;
  /** Where the login is kept, such as `localStorage`; by default in memory. */
  storage?: TokenStorage | WebStorage;
  /** Whether the browser keeps the tokens in cookies, for a service with `TOKEN_COOKIES`. */
  cookies?: boolean;
  /** Sends a request; by default the global `fetch`. */
  fetch?: Fetch;
}

type AuthClient = Client<Pick<ApiPaths, typeof LOGIN | typeof LOGOUT>>;
type AuthResult<Path extends keyof ApiPaths, Method extends 'POST' | 'DELETE'> = ReturnType<
  Client<Pick<ApiPaths, Path>>[Method]
>;

export interface ApiClient<Paths extends object = ApiPaths> extends Client<Paths> {
  /** Logs in, and keeps the tokens. */
  login(username: string, password: string): AuthResult<typeof LOGIN, 'POST'>;
  /** Ends the session, and forgets the tokens even if the service does not answer. */
  logout(): AuthResult<typeof LOGOUT, 'DELETE'>;
  /** All elements of a list. Requests a page when it is needed, and throws an `ApiError`. */
  pages<Path extends ListPath<Paths>>(
    path: Path,
    options?: PageOptions<Paths[Path]>,
  ): AsyncIterable<ItemOf<Paths[Path]>>;
}

/** A client of the API that keeps its login. See README.md. */
export function createClient<Paths extends object = ApiPaths>(
  options: ClientOptions,
): ApiClient<Paths> {
  const baseUrl = options.baseUrl.replace(/\/$/, '');
  const login = loginOf(baseUrl, options);
  const session: Session = {
    url: baseUrl,
    login,
    // Looked up for each request, because tests and tracing replace the global function.
    fetch: options.fetch ?? ((request) => fetch(request)),
    renewals: new Map(),
  };
  const client = createApiClient<Paths>({
    ...{ baseUrl, ...login.init },
    fetch: (request) => send(session, request),
  });
  client.use({
    onRequest: ({ request, schemaPath }) => {
      if (request.method !== 'POST' || !idempotentPaths.includes(schemaPath)) return;
      if (!request.headers.has(IDEMPOTENCY_KEY)) request.headers.set(IDEMPOTENCY_KEY, randomId());
    },
  });
  const auth = client as unknown as AuthClient;
  const get = client.GET as unknown as (path: unknown, init: object) => Promise<ListResult>;
  return Object.assign(client, {
    login: (username: string, password: string) =>
      auth.POST(LOGIN, { body: { username, password } }),
    logout: () => auth.DELETE(LOGOUT),
    pages: <Path extends ListPath<Paths>>(path: Path, init?: PageOptions<Paths[Path]>) =>
      itemsOf<ItemOf<Paths[Path]>>((cursor) => get(path, withCursor(init, cursor))),
  });
}

function loginOf(baseUrl: string, { storage, cookies }: ClientOptions) {
  const key = `login ${baseUrl}`;
  const kept = storage && 'getItem' in storage ? webStorage(storage, key) : storage;
  return cookies ? cookieLogin(key, kept) : bearerLogin(kept);
}

/** @param init options of a request for a list */
function withCursor(init: object | undefined, cursor: string | undefined): object {
  const { params } = (init ?? {}) as { params?: { query?: object } };
  return { ...init, params: { ...params, query: { ...params?.query, ...(cursor && { cursor }) } } };
}
