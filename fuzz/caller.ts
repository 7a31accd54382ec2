import type { CallerName } from './requests.js';

/** Tokens and credentials as an operation takes them. */
export interface Credentials {
  name: string;
  password: string;
  id: number;
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

  /** The session of its tokens, if any. */
  get sessionId(): string | null {
    return this.known?.sessionId ?? null;
  }

  /** @returns null for nobody */
  async credentials(): Promise<Credentials | null> {
    if (this.name === 'nobody') return null;
    if (!this.known || !(await this.isLoggedIn(this.known))) this.known = await this.register();
    return this.known;
  }

  /** Anew each time: a request may have changed the name, the password, or all of it. */
  private async register(): Promise<Credentials> {
    const name = this.newName();
    const password = PASSWORD;
    const { id } = await this.post<{ id: number }>('/api/users', { name, password });
    if (this.name === 'admin') await this.makeAdmin(name);
    const login = { username: name, password };
    const { access_token: access, refresh_token: refresh } = await this.post<Tokens>(
      '/auth/login',
      login,
    );
    const [, claims = ''] = access.split('.');
    const { sid } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { sid: string };
    return { name, password, id, sessionId: sid, access, refresh };
  }

  private async isLoggedIn({ access }: Credentials): Promise<boolean> {
    const headers = { authorization: `Bearer ${access}` };
    return (await fetch(`${this.url}/auth/token`, { headers })).ok;
  }

  private async post<T>(path: string, body: object): Promise<T> {
    const response = await fetch(this.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }
}
