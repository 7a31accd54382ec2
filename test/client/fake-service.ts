import { type ClientOptions, createClient } from '../../packages/client/src/index.js';

export const BASE_URL = 'http://service.test/base';

/** An answer of the fake service: a response, or an error of the network. */
export type FakeAnswer = Response | Error;

export function json(status: number, body: unknown, headers: Record<string, string> = {}) {
  return new Response(body === undefined ? null : JSON.stringify(body), { status, headers });
}

export const refusal = (status: number, code: string, headers?: Record<string, string>) =>
  json(status, { statusCode: status, code, error: 'A text', message: `about ${code}` }, headers);

/** A service whose tokens are `access-1` and `refresh-1`, then `access-2` and so on. */
export class FakeService {
  /** The number of the pair that is valid. */
  pair = 1;
  /** What was sent: the method, the path below `BASE_URL` and the token. */
  readonly log: string[] = [];
  readonly requests: Request[] = [];
  /** Answers that come before the usual ones, by method and path. */
  readonly answers: Record<string, FakeAnswer[]> = {};

  /** `count` requests with this method and path fail. */
  fail(call: string, ...answers: FakeAnswer[]): void {
    this.answers[call] = answers;
  }

  readonly fetch = async (request: Request): Promise<Response> => {
    this.requests.push(request);
    const path = request.url.replace(BASE_URL, '');
    const call = `${request.method} ${path}`;
    const token = request.headers.get('authorization')?.replace('Bearer ', '');
    this.log.push([call, ...(token ? [token] : [])].join(' '));
    // Requests that are sent at once are answered after all of them were sent.
    await new Promise((resolve) => setTimeout(resolve, 5));
    const next = this.answers[call]?.shift();
    if (next instanceof Error) throw next;
    return next ?? (await this.answer(call, request, token));
  };

  private async answer(call: string, request: Request, token?: string): Promise<Response> {
    const tokens = () => ({
      access_token: `access-${this.pair}`,
      refresh_token: `refresh-${this.pair}`,
    });
    if (call === 'POST /auth/login') return json(200, tokens());
    if (call === 'POST /auth/refresh' || call === 'DELETE /auth/logout2') {
      if (token !== `refresh-${this.pair}`) return refusal(401, 'token_revoked');
      if (call.startsWith('DELETE')) return json(200, { message: 'Successfully logged out.' });
      this.pair++;
      return json(200, tokens());
    }
    if (token !== undefined && token !== `access-${this.pair}`)
      return refusal(401, 'token_expired');
    return json(200, { body: await request.text() });
  }
}

/** A client of a new fake service. */
export function setUp(options: Partial<ClientOptions> = {}) {
  const service = new FakeService();
  const client = createClient({ baseUrl: `${BASE_URL}/`, fetch: service.fetch, ...options });
  return { service, client };
}

/** What `localStorage` does, for several clients that stand for tabs. */
export class FakeLocalStorage {
  readonly items = new Map<string, string>();
  readonly getItem = (key: string) => this.items.get(key) ?? null;
  readonly setItem = (key: string, value: string) => void this.items.set(key, value);
  readonly removeItem = (key: string) => void this.items.delete(key);
}
