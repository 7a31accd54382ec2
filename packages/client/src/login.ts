import {
  memoryStorage,
  type Tokens,
  type TokenStorage,
  webStorage,
  type WebStorage,
} from './storage.js';

/** How a request shows who sends it: with a token, or with cookies and `X-CSRF-TOKEN`. */
export interface Login {
  storage: TokenStorage;
  credentials: 'include' | 'same-origin';
  /** Errors after which a refresh, or the newer pair of another tab, helps. */
  refreshAfter: readonly string[];
  read(): Promise<Tokens | null>;
  /** @param token one of the pair */
  add(headers: Headers, method: string, token: string): void;
  /** The pair in the body of a login or a refresh. */
  pairIn(response: Response): Promise<Partial<Tokens>>;
}

export function bearerLogin(storage: TokenStorage = memoryStorage()): Login {
  return {
    storage,
    credentials: 'same-origin',
    refreshAfter: ['token_expired', 'token_revoked'],
    read: async () => storage.get(),
    add: (headers, _method, token) => headers.set('authorization', `Bearer ${token}`),
    pairIn: (response) => pairIn(response, 'access_token', 'refresh_token'),
  };
}

/** @param key the name of the item in `localStorage`, if there is no other storage */
export function cookieLogin(key: string, given?: TokenStorage): Login {
  const { localStorage } = globalThis as { localStorage?: WebStorage };
  const storage = given ?? (localStorage ? webStorage(localStorage, key) : memoryStorage());
  return {
    storage,
    credentials: 'include',
    // A browser drops the cookie of an expired token. Cookies that another tab got have another
    // value for `X-CSRF-TOKEN`.
    refreshAfter: ['token_expired', 'token_revoked', 'token_missing', 'csrf_failed'],
    read: async () => readCookies() ?? storage.get(),
    add: (headers, method, token) => {
      if (method !== 'GET' && method !== 'HEAD') headers.set('x-csrf-token', token);
    },
    pairIn: (response) => pairIn(response, 'csrf_access_token', 'csrf_refresh_token'),
  };
}

async function pairIn(response: Response, ...names: [string, string]): Promise<Partial<Tokens>> {
  const body = (await response.clone().json()) as Record<string, string>;
  const [access, refresh] = names.map((name) => body[name]);
  // Without rotation, a refresh returns no refresh token.
  return { ...(access && { access }), ...(refresh && { refresh }) };
}

/** The pair in the cookies, if this page may read those of the service. */
function readCookies(): Tokens | null {
  const { document } = globalThis as { document?: { cookie: string } };
  const read = (name: string): string | undefined =>
    // A sibling host can set a cookie without a prefix, so that one comes last.
    ['__Host-', '__Secure-', '']
      .map((prefix) => document?.cookie.match(`(?:^|; )${prefix}${name}=([^;]+)`)?.[1])
      .find(Boolean);
  const refresh = read('csrf_refresh_token');
  return refresh ? { access: read('csrf_access_token') ?? '', refresh } : null;
}
