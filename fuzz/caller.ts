import type { CallerName } from './requests.js';

interface User {
  id: number;
  name: string;
  password: string;
}

export interface Session {
  /** Of the user. */
  id: number;
  sessionId: string;
  access: string;
}

/** Tokens and credentials as an operation takes them. */
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
  return { id: Number(sub), sessionId: sid, access };
}

/** Somebody who sends requests, and who logs in anew where a request has ended the session. */
export class Caller {
  known: Credentials | null = null;

  constructor(
    readonly name: CallerName,
    private readonly url: string,
    private readonly makeAdmin: (name: string) => Promise<void>,
    private readonly newName: () => string,
  ) {}

  /** @returns null for an anonymous request */
  async credentials(): Promise<Credentials | null> {
    if (this.name === 'anonymous') return null;
    const { known } = this;
    if (known && (await this.isLoggedIn(known))) return known;
    // The same user again, for the rows that are theirs; another, where a request has changed the
    // name or the password, or removed it all.
    this.known = (known && (await this.login(known))) ?? (await this.register());
    return this.known;
  }

  private async register(): Promise<Credentials> {
    const user = { name: this.newName(), password: PASSWORD };
    const { id } = (await this.post<{ id: number }>('/api/users', user))!;
    if (this.name === 'admin') await this.makeAdmin(user.name);
    return (await this.login({ ...user, id }))!;
  }

  /** @returns null where the service refuses it */
  private async login({ id, name, password }: User): Promise<Credentials | null> {
    const tokens = await this.post<Tokens>('/auth/login', { username: name, password });
    if (!tokens) return null;
    const { access_token: access, refresh_token: refresh } = tokens;
    const session = sessionOf(access);
    // Another may have taken the name.
    return session.id === id ? { name, password, refresh, ...session } : null;
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
