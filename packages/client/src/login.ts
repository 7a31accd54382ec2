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
  /** Options of all requests. */
  init: RequestInit;
  /** Matches the codes of errors after which a refresh, or the newer pair of another tab, helps. */
  refreshAfter: RegExp;
  /** The members of a response with a pair begin with it. */
  prefix: string;
  read(): Promise<Tokens | null>;
  /** @param token one of the pair */
  add(headers: Headers, method: string, token: string): void;
}

const CSRF = 'csrf_';

export function bearerLogin(storage: TokenStorage = memoryStorage()): Login {
  return {
    storage,
    init: {},
    refreshAfter: /^token_(expired|revoked)$/,
    prefix: '',
    read: async () => storage.get(),
    add: (headers, _method, token) => headers.set('authorization', `Bearer ${token}`),
  };
}

/** @param key the name of the item in `localStorage`, if there is no other storage */
export function cookieLogin(key: string, given?: TokenStorage): Login {
  const { localStorage } = globalThis as { localStorage?: WebStorage };
  const storage = given ?? (localStorage ? webStorage(localStorage, key) : memoryStorage());
  return {
    storage,
    init: { credentials: 'include' },
    // A browser drops the cookie of an expired token. Cookies that another tab got have another
    // value for `X-CSRF-TOKEN`.
    refreshAfter: /^(token_(expired|revoked|missing)|csrf_failed)$/,
    prefix: CSRF,
    read: async () => readCookies() ?? storage.get(),
    add: (headers, method, token) => {
      if (method !== 'GET' && method !== 'HEAD') headers.set('x-csrf-token', token);
    },
  };
}

/** The pair in the response to a login or a refresh. Without rotation, a refresh has only one. */
export async function pairIn(response: Response, prefix: string): Promise<Partial<Tokens>> {
  const body = (await response.clone().json()) as Record<string, string>;
  const access = body[`${prefix}access_token`];
  const refresh = body[`${prefix}refresh_token`];
  return { ...(access && { access }), ...(refresh && { refresh }) };
}

/** The pair in the cookies, if this page may read those of the service. */
function readCookies(): Tokens | null {
  const { document } = globalThis as { document?: { cookie: string } };
  // A sibling host can set a cookie without the prefix `__Host-`, which sorts before letters.
  const cookies = document?.cookie.split('; ').sort() ?? [];
  const read = (name: string): string | undefined =>
    cookies.map((text) => text.match(`^(?:__\\w+-)?${CSRF}${name}_token=(.+)`)?.[1]).find(Boolean);
  const refresh = read('refresh');
  return refresh ? { access: read('access') ?? '', refresh } : null;
}
