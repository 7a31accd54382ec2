import type { CallerName } from './requests.js';

interface User {
  id: number;
  name: string;
  password: string;
}

/** Tokens and credentials as an operation takes them. */
export interface Credentials extends User {
  sessionId: string;
  access: string;
  refresh: string;
}

interface Tokens {
  access_token: string;
  refresh_token: string;
}

const PASSWORD = 'a rare password';

/** Somebody who sends requests, and who logs in anew where a request has ended the session. */
export class Caller {
  private known: Credentials | null = null;

  constructor(
    readonly name: CallerName,
    private readonly url: string,
    private readonly makeAdmin: (name: string) => Promise<void>,
    private readonly newName: () => string,
  ) {}

  /** @returns null for nobody */
  async credentials(): Promise<Credentials | null> {
    if (this.name === 'nobody') return null;
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
    const [, claims = ''] = access.split('.');
    const { sub, sid } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as {
      sub: string;
      sid: string;
    };
    // Another may have taken the name.
    return sub === String(id) ? { name, password, id, sessionId: sid, access, refresh } : null;
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
    return response.ok ? ((await response.json()) as T) : null;
  }
}
