import { type Login, pairIn } from './login.js';
import { codeOf, type Fetch, sendWithRetries } from './retries.js';
import type { Tokens } from './storage.js';

/** The answers to these two hold the pair of a new session. */
export const LOGIN = '/auth/login';
const PASSWORD = '/auth/password';
/** These two require the refresh token. */
const REFRESH = '/auth/refresh';
export const LOGOUT = '/auth/logout2';

/** A refresh that takes longer fails, so that other tabs do not wait for it. */
const TIMEOUT_MS = 10_000;

/** The new pair; or the response of a refresh that failed; or null if the login is gone. */
type Renewal = Promise<Tokens | Response | null>;

/**
 * Sends requests with the tokens of a login, and keeps the login alive. These are functions, not a
 * class, because a minifier shortens only the names of functions.
 */
export interface Session {
  /** The address of the service, without a slash at its end. */
  url: string;
  login: Login;
  fetch: Fetch;
  /** Refreshes that are under way, by the access token that was refused. */
  renewals: Map<string, Renewal>;
}

/** Sends a request. If its token has expired, refreshes and sends the request again. */
export async function send(session: Session, request: Request): Promise<Response> {
  const { fetch, login } = session;
  const path = pathOf(session, request);
  // Another service must not get the token, and a token of the caller's own takes precedence.
  if (path === undefined || request.headers.has('authorization')) {
    return sendWithRetries(fetch, request);
  }
  if (path === REFRESH || path === LOGOUT) {
    return login.storage.lock(() => spend(session, request, path === LOGOUT));
  }
  const tokens = path === LOGIN ? null : await login.read();
  const response = await sendWith(session, request, tokens?.access);
  if (response.ok && (path === LOGIN || path === PASSWORD)) await keep(login, response);
  if (!tokens || response.status !== 401) return response;
  if (!login.refreshAfter.test(await codeOf(response))) return response;
  const next = await renew(session, tokens.access);
  if (!next) return response;
  return next instanceof Response ? next.clone() : sendWith(session, request, next.access);
}

/** The path below the address of the service, if the request is for the service. */
function pathOf({ url }: Session, request: Request): string | undefined {
  // `Request` resolves an address that is relative to the page.
  const base = new Request(`${url}/`).url;
  return request.url.startsWith(base) ? `/${request.url.slice(base.length)}` : undefined;
}

function sendWith(
  { fetch, login }: Session,
  request: Request,
  token?: string,
  repeatable?: boolean,
): Promise<Response> {
  const copy = request.clone();
  if (token) login.add(copy.headers, copy.method, token);
  return sendWithRetries(fetch, copy, repeatable);
}

/** Keeps the pair of a login, after a refresh of the previous one, which would replace it. */
async function keep({ storage, prefix }: Login, response: Response): Promise<void> {
  const { access, refresh } = await pairIn(response, prefix);
  if (access && refresh) await storage.lock(async () => storage.set({ access, refresh }));
}

/** Gets a new pair, once for all requests that were refused with the same token. */
function renew(session: Session, failed: string): Renewal {
  const { login, renewals } = session;
  const renewal =
    renewals.get(failed) ??
    login.storage.lock(() => refresh(session, failed)).finally(() => renewals.delete(failed));
  renewals.set(failed, renewal);
  return renewal;
}

async function refresh(session: Session, failed: string): Renewal {
  const { url, login } = session;
  const tokens = await login.read();
  // Another tab has refreshed, or has logged out.
  if (tokens?.access !== failed) return tokens;
  const request = new Request(url + REFRESH, { method: 'POST', ...login.init });
  const response = await spend(session, request, false);
  return response.ok ? login.read() : response;
}

/** Sends a request with the refresh token, and keeps the result. The caller holds the lock. */
async function spend(session: Session, request: Request, isLogout: boolean): Promise<Response> {
  const { storage, prefix } = session.login;
  const tokens = await session.login.read();
  const kept = await storage.get();
  const limited = new Request(request, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  let next = isLogout ? null : kept;
  try {
    // The service answers a repeated refresh with the same successor: see docs/sessions.md.
    const response = await sendWith(session, limited, tokens?.refresh, true);
    if (response.ok && !isLogout && tokens)
      next = { ...tokens, ...(await pairIn(response, prefix)) };
    // Only this answer says that the session has ended. Others may be temporary.
    else if (response.status === 401 && (await codeOf(response)) !== 'csrf_failed') next = null;
    return response;
  } finally {
    // The page itself may have changed the storage in the meantime.
    const now = await storage.get();
    if (now?.refresh === kept?.refresh) await storage.set(next);
  }
}
