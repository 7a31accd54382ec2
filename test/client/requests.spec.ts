import { describe, expect, it } from '@jest/globals';
import { ApiError, etagOf, unwrap } from '../../packages/client/src/index.js';
import { json, refusal, setUp } from './fake-service.js';

const failure = () => new TypeError('fetch failed');
const newUser = { body: { name: 'leia', password: 'a password' } };
const user = (id: number) => ({ params: { path: { id } } });

describe('Requests that the client sends again', () => {
  it('sends a POST again with the same Idempotency-Key after a network error', async () => {
    const { service, client } = setUp();
    service.fail('POST /api/users', failure(), refusal(503, 'service_unavailable'));
    await client.POST('/api/users', newUser);
    await client.POST('/api/users', newUser);
    const keys = service.requests.map(({ headers }) => headers.get('idempotency-key'));
    expect(keys).toHaveLength(4);
    expect(new Set(keys.slice(0, 3)).size).toBe(1);
    expect(keys[3]).not.toBe(keys[0]);
    expect(keys[0]).toMatch(/^[\d-]{20,}$/);
  });

  it('leaves the Idempotency-Key of the caller as it is', async () => {
    const { service, client } = setUp();
    const header = { 'Idempotency-Key': 'mine' };
    await client.POST('/api/users', { ...newUser, params: { header } });
    expect(service.requests[0]!.headers.get('idempotency-key')).toBe('mine');
  });

  it('sends a POST again while the service works on the first one', async () => {
    const { service, client } = setUp();
    service.fail('POST /api/users', failure(), refusal(409, 'idempotency_in_progress'));
    expect((await client.POST('/api/users', newUser)).response.status).toBe(200);
    expect(service.log).toHaveLength(3);
  });

  it.each(['GET', 'HEAD'] as const)('sends a %s again twice at most', async (method) => {
    const { service, client } = setUp();
    service.fail(`${method} /api/users`, failure(), failure(), failure());
    const send = client[method] as typeof client.GET;
    await expect(send('/api/users')).rejects.toThrow('fetch failed');
    expect(service.log).toHaveLength(3);
  });

  it.each(['PUT', 'PATCH', 'DELETE', 'POST'])(
    'does not send a %s without a key again',
    async (method) => {
      const { service, client } = setUp();
      service.fail(`${method} /auth/sessions`, failure());
      const send = client.request as unknown as (method: string, path: string) => Promise<unknown>;
      await expect(send(method, '/auth/sessions')).rejects.toThrow('fetch failed');
      expect(service.log).toHaveLength(1);
    },
  );

  it('does not send a request again that the caller has cancelled', async () => {
    const { service, client } = setUp();
    const controller = new AbortController();
    service.fail('GET /api/users', failure(), failure(), failure());
    const request = client.GET('/api/users', { signal: controller.signal });
    controller.abort();
    await expect(request).rejects.toThrow();
    expect(service.log.length).toBeLessThanOrEqual(1);
  });

  it('waits as long as Retry-After says, but not more than 10 s', async () => {
    const { service, client } = setUp();
    const unavailable = (seconds: string) =>
      refusal(503, 'service_unavailable', { 'retry-after': seconds });
    service.fail('GET /api/users', unavailable('1'), unavailable('60'));
    const start = performance.now();
    const { response } = await client.GET('/api/users');
    expect(performance.now() - start).toBeGreaterThan(1000);
    expect([response.status, service.log.length]).toEqual([503, 2]);
  });
});

describe('pages', () => {
  it('follows the cursors of the links, and sends them to its own address', async () => {
    const { service, client } = setUp();
    const link = (target: string) => ({ link: `<${target}>; rel="next"` });
    service.fail('GET /api/users?limit=1', json(200, ['a', 'b'], link('/x?limit=1&cursor=a%2Fb')));
    service.fail(
      'GET /api/users?limit=1&cursor=a%2Fb',
      json(200, [], link('http://attacker.test/?cursor=2')),
    );
    service.fail('GET /api/users?limit=1&cursor=2', json(200, ['c']));
    const names: unknown[] = [];
    for await (const each of client.pages('/api/users', { params: { query: { limit: 1 } } })) {
      names.push(each);
    }
    expect(names).toEqual(['a', 'b', 'c']);
  });

  it('requests no page before it is needed', async () => {
    const { service, client } = setUp();
    const headers = { link: '</api/users?cursor=1>; rel="next"' };
    service.fail('GET /api/users', json(200, ['a', 'b'], headers));
    for await (const _ of client.pages('/api/users')) break;
    expect(service.log).toHaveLength(1);
  });

  it('throws an ApiError', async () => {
    const { service, client } = setUp();
    service.fail('GET /auth/sessions', refusal(401, 'token_missing'));
    const all = client.pages('/auth/sessions')[Symbol.asyncIterator]();
    await expect(all.next()).rejects.toThrow(ApiError);
  });
});

describe('Results', () => {
  it('passes the entity tag of a response through', async () => {
    const { service, client } = setUp();
    service.fail('GET /api/users/1', json(200, {}, { etag: '"abc"' }));
    const { response } = await client.GET('/api/users/{id}', user(1));
    expect(etagOf(response)).toBe('"abc"');
    expect(etagOf(new Response())).toBeUndefined();
    const header = { 'If-Match': '"abc"' };
    await client.DELETE('/api/users/{id}', { params: { path: { id: 1 }, header } });
    expect(service.requests[1]!.headers.get('if-match')).toBe('"abc"');
  });

  it('throws an ApiError with the code, the status, the message and Retry-After', async () => {
    const { service, client } = setUp();
    service.fail('GET /auth/me', refusal(429, 'too_many_requests', { 'retry-after': '7' }));
    const result = await client.GET('/auth/me');
    let thrown: unknown;
    try {
      unwrap(result);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ApiError);
    expect(thrown).toMatchObject({
      ...{ name: 'ApiError', code: 'too_many_requests', status: 429, retryAfter: 7 },
      message: 'about too_many_requests',
    });
  });

  it('throws an ApiError without a code for the page of a proxy', async () => {
    const { service, client } = setUp();
    service.fail('DELETE /auth/sessions', new Response('<h1>Bad Gateway</h1>', { status: 502 }));
    const result = await client.DELETE('/auth/sessions');
    expect(() => unwrap(result)).toThrow(ApiError);
    expect(new ApiError(result.error, result.response)).toMatchObject({
      status: 502,
      code: undefined,
    });
  });

  it('narrows an error by its code', async () => {
    const { service, client } = setUp();
    service.fail('POST /auth/login', refusal(401, 'credentials_invalid'));
    const { error } = await client.login('user', 'wrong');
    // @ts-expect-error A login has no such error.
    expect(error?.code === 'precondition_failed').toBe(false);
    expect(error?.code === 'credentials_invalid').toBe(true);
  });
});
