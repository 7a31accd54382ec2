import type { Login } from './login.js';
import { codeOf, type Fetch, sendWithRetries } from './retries.js';
import type { Tokens } from './storage.js';

const REFRESH = '/auth/refresh';
export const LOGOUT = '/auth/logout2';

/** The answers to these two hold the pair of a new session. */
export const LOGIN = '/auth/login';
const PASSWORD = '/auth/password';

/** A refresh that takes longer fails, so that other tabs do not wait for it. */
const TIMEOUT_MS = 10_000;

interface Renewal {
  /** The access token that was refused. */
  failed: string;
  /** The new pair; or the response of a refresh that failed; or null if the login is gone. */
  result: Promise<Tokens | Response | null>;
}

/** Sends requests with the tokens of a login, and keeps the login alive. */
export class Session {
  private renewal: Renewal | undefined;

  constructor(
    private readonly baseUrl: string,
    private readonly login: Login,
    private readonly fetch: Fetch,
  ) {}

  /** Sends a request. If its token has expired, refreshes and sends the request again. */
  async send(request: Request): Promise<Response> {
    const path = this.pathOf(request);
    // Another service must not get the token, and a token of the caller's takes precedence.
    if (path === undefined || request.headers.has('authorization')) {
      return sendWithRetries(this.fetch, request);
    }
    if (path === REFRESH || path === LOGOUT) return this.lock(() => this.spend(request, path));
    const tokens = path === LOGIN ? null : await this.login.read();
    const response = await this.sendWith(request, tokens?.access);
    if (path === LOGIN || path === PASSWORD) await this.keep(response);
    if (!tokens || !(await this.needsRefresh(response))) return response;
    const next = await this.renew(tokens.access);
    if (next === null) return response;
    return next instanceof Response ? next.clone() : this.sendWith(request, next.access);
  }

  /** The path below the base URL, if the request is for this service. */
  private pathOf({ url }: Request): string | undefined {
    // `Request` resolves a base URL that is relative to the page.
    const base = new Request(this.baseUrl + REFRESH).url.slice(0, -REFRESH.length);
    return url.startsWith(`${base}/`) ? url.slice(base.length).split('?')[0] : undefined;
  }

  private lock<T>(work: () => Promise<T>): Promise<T> {
    return this.login.storage.lock(work);
  }

  private sendWith(request: Request, token?: string, repeatable?: boolean): Promise<Response> {
    const copy = request.clone();
    if (token) this.login.add(copy.headers, copy.method, token);
    return sendWithRetries(this.fetch, copy, repeatable);
  }

  private async needsRefresh(response: Response): Promise<boolean> {
    if (response.status !== 401) return false;
    return this.login.refreshAfter.includes(String(await codeOf(response)));
  }

  /** Keeps the pair of a login, after a refresh of the previous one, which would replace it. */
  private async keep(response: Response): Promise<void> {
    if (!response.ok) return;
    const { access, refresh } = await this.login.pairIn(response);
    if (access && refresh) {
      await this.lock(async () => this.login.storage.set({ access, refresh }));
    }
  }

  /** Gets a new pair, once for all requests that were refused with the same token. */
  private renew(failed: string): Renewal['result'] {
    if (this.renewal?.failed === failed) return this.renewal.result;
    const result = this.lock(() => this.refresh(failed)).finally(() => {
      if (this.renewal === renewal) this.renewal = undefined;
    });
    const renewal: Renewal = { failed, result };
    this.renewal = renewal;
    return result;
  }

  private async refresh(failed: string): Renewal['result'] {
    const tokens = await this.login.read();
    // Another tab has refreshed, or has logged out.
    if (tokens?.access !== failed) return tokens;
    const { credentials } = this.login;
    const request = new Request(this.baseUrl + REFRESH, { method: 'POST', credentials });
    const response = await this.spend(request, REFRESH);
    return response.ok ? this.login.read() : response;
  }

  /** Sends a request with the refresh token, and keeps the result. The caller holds the lock. */
  private async spend(request: Request, path: string): Promise<Response> {
    const { storage } = this.login;
    const tokens = await this.login.read();
    const kept = await storage.get();
    const limited = new Request(request, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    let next: Tokens | null | undefined = path === LOGOUT ? null : undefined;
    try {
      // The service answers a repeated refresh with the same successor: see docs/sessions.md.
      const response = await this.sendWith(limited, tokens?.refresh, true);
      if (path === REFRESH && response.ok && tokens) {
        next = { ...tokens, ...(await this.login.pairIn(response)) };
      }
      // Only this answer says that the session has ended. Others may be temporary.
      if (response.status === 401 && (await codeOf(response)) !== 'csrf_failed') next = null;
      return response;
    } finally {
      // The page itself may have changed the storage in the meantime.
      const isSame = (await storage.get())?.refresh === kept?.refresh;
      if (next !== undefined && isSame) await storage.set(next);
    }
  }
}
