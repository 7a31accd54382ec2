import type { CallerName } from './requests.js';

interface User {
  userId: number;
  name: string;
  password: string;
}

export interface Session {
  userId: number;
  sessionId: string;
  /** An access token of the session. */
  access: string;
}

/** A logged-in user, with the tokens and the password. */
export interface Credentials extends User, Session {
  refresh: string;
}

interface Tokens {
  access_token: string;
  refresh_token: string;
}

const PASSWORD = 'a rare password';

export function sessionOf(access: string): Session {
  const [, claims = ''] = access.split('.');
  const { sub, sid } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as {
    sub: string;
    sid: string;
  };
  return { userId: Number(sub), sessionId: sid, access };
}

/** A client that sends requests, and that logs in again if a request has ended its session. */
export class Caller {
  /** The user of the last request; null before the first one. */
  current: Credentials | null = null;

  constructor(
    readonly name: CallerName,
    private readonly url: string,
    private readonly makeAdmin: (name: string) => Promise<unknown>,
    private readonly newName: () => string,
  ) {}

  /** @returns null if the caller is anonymous */
  async credentials(): Promise<Credentials | null> {
    if (this.name === 'anonymous') return null;
    const { current } = this;
    if (current && (await this.isLoggedIn(current))) return current;
    // The same user logs in again, to keep its rows. A new user is registered if a request has
    // changed the name or the password, or has deleted the user.
    this.current = (current && (await this.login(current))) ?? (await this.register());
    return this.current;
  }

  private async register(): Promise<Credentials> {
    const user = { name: this.newName(), password: PASSWORD };
    const { id } = (await this.post<{ id: number }>('/api/users', user))!;
    if (this.name === 'admin') await this.makeAdmin(user.name);
    return (await this.login({ ...user, userId: id }))!;
  }

  /** @returns null if the service refuses the login */
  private async login({ userId, name, password }: User): Promise<Credentials | null> {
    const tokens = await this.post<Tokens>('/auth/login', { username: name, password });
    if (!tokens) return null;
    const { access_token: access, refresh_token: refresh } = tokens;
    const session = sessionOf(access);
    // Another user may have taken the name.
    return session.userId === userId ? { name, password, refresh, ...session } : null;
  }

  private async isLoggedIn({ access }: Credentials): Promise<boolean> {
    const headers = { authorization: `Bearer ${access}` };
    return (await fetch(`${this.url}/auth/token`, { headers })).ok;
  }

  private async post<T>(path: string, body: object): Promise<T | null> {
    const response = await fetch(this.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (response.status >= 500) throw new Error(`POST ${path}: ${response.status}`);
    return response.ok ? ((await response.json()) as T) : null;
  }
}
