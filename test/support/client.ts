import { randomBytes } from 'node:crypto';
import { crate } from './fixture/crates.js';
import type { Exchange } from './response-check.js';

export interface Answer<Body = Record<string, unknown>> {
  status: number;
  headers: Headers;
  body: Body;
  text: string;
}

export interface SendOptions {
  token?: string;
  /** The body, which is sent as JSON. */
  json?: unknown;
  /** The body, which is sent unchanged, as `application/json` unless the headers name a type. */
  raw?: string | Uint8Array;
  headers?: Record<string, string>;
}

export interface TestUser {
  id: number;
  name: string;
  password: string;
}

export interface LoggedIn extends TestUser {
  access: string;
  refresh: string;
}

let users = 0;

/** Sends requests to the application, and creates users, logins and crates through its API. */
export class Client {
  /** @param onExchange is called with every request and its response */
  constructor(
    readonly url: string,
    private readonly onExchange: (exchange: Exchange) => void = () => undefined,
  ) {}

  async send<Body = Record<string, unknown>>(
    method: string,
    path: string,
    { token, json, raw, headers = {} }: SendOptions = {},
  ): Promise<Answer<Body>> {
    const body = json === undefined ? raw : JSON.stringify(json);
    const response = await fetch(this.url + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body !== undefined && { body }),
    });
    const text = await response.text();
    const { status } = response;
    this.onExchange({
      ...{ method, path, status, body: text },
      headers: Object.fromEntries(response.headers),
    });
    const isJson = response.headers.get('content-type')?.startsWith('application/json');
    const parsed = (isJson && text !== '' ? JSON.parse(text) : undefined) as Body;
    return { status, headers: response.headers, body: parsed, text };
  }

  get<Body = Record<string, unknown>>(path: string, options?: SendOptions): Promise<Answer<Body>> {
    return this.send('GET', path, options);
  }

  /** Registers a user with a unique name. */
  async newUser(password = 'a password'): Promise<TestUser> {
    const name = `user-${++users}-${randomBytes(4).toString('hex')}`;
    const { body } = await this.send<TestUser>('POST', '/api/users', { json: { name, password } });
    return { id: body.id, name, password };
  }

  async login(user: Pick<TestUser, 'name' | 'password'>) {
    const { status, body } = await this.send<{ access_token: string; refresh_token: string }>(
      'POST',
      '/auth/login',
      { json: { username: user.name, password: user.password } },
    );
    if (status !== 200) throw new Error(`The login of ${user.name} failed with ${status}.`);
    return { access: body.access_token, refresh: body.refresh_token };
  }

  async newLogin(): Promise<LoggedIn> {
    const user = await this.newUser();
    return { ...user, ...(await this.login(user)) };
  }

  /** Adds a crate; see `bootFixtureApp`. */
  async newCrate(token: string, values: object = {}): Promise<{ id: number }> {
    const { body } = await this.send<{ id: number }>('POST', '/api/crates', {
      token,
      json: { ...crate, ...values },
    });
    return body;
  }
}
