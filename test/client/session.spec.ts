import { describe, expect, it } from '@jest/globals';
import { createClient, memoryStorage, webStorage } from '../../packages/client/src/index.js';
import { BASE_URL, FakeLocalStorage, json, refusal, setUp } from './fake-service.js';

const pair = (n: number) => ({ access: `access-${n}`, refresh: `refresh-${n}` });

/** A client that has logged in, and whose access token has expired since. */
async function setUpExpired(storage = memoryStorage()) {
  const { service, client } = setUp({ storage });
  await storage.set(pair(1));
  service.fail('GET /auth/me', refusal(401, 'token_expired'));
  return { service, client, storage };
}

describe('The session of the client', () => {
  it('keeps the pair of a login, and sends the access token', async () => {
    const { service, client } = setUp();
    await client.login('user', 'password');
    await client.GET('/auth/me');
    expect(service.log).toEqual(['POST /auth/login', 'GET /auth/me access-1']);
    expect(await service.requests[0]!.json()).toEqual({ username: 'user', password: 'password' });
  });

  it('refreshes once for twenty requests with an expired token, and repeats each', async () => {
    const { service, client } = setUp();
    await client.login('user', 'password');
    const refused = Array.from({ length: 20 }, () => refusal(401, 'token_expired'));
    service.fail('GET /auth/me', ...refused);
    const results = await Promise.all(refused.map(() => client.GET('/auth/me')));
    expect(results.map(({ response }) => response.status)).toEqual(refused.map(() => 200));
    expect(service.log.filter((call) => call.includes('/auth/refresh'))).toEqual([
      'POST /auth/refresh refresh-1',
    ]);
    expect(service.log.at(-1)).toBe('GET /auth/me access-2');
  });

  it('sends the body again after a refresh', async () => {
    const { service, client, storage } = await setUpExpired();
    service.pair = 1;
    service.fail('POST /auth/password', refusal(401, 'token_expired'));
    const body = { current_password: 'a', new_password: 'b' };
    const { data } = await client.POST('/auth/password', { body });
    expect(data).toEqual({ body: JSON.stringify(body) });
    expect(await storage.get()).toEqual(pair(2));
  });

  it('keeps the pair that a changed password returns', async () => {
    const { service, client, storage } = await setUpExpired();
    const tokens = { access_token: 'access-9', refresh_token: 'refresh-9' };
    service.fail('POST /auth/password', json(200, tokens));
    await client.POST('/auth/password', { body: { current_password: 'a', new_password: 'b' } });
    expect(await storage.get()).toEqual(pair(9));
  });

  it('uses the pair that another tab has stored, and does not refresh', async () => {
    const { service, client, storage } = await setUpExpired();
    const request = client.GET('/auth/me');
    service.pair = 2;
    await new Promise((resolve) => setTimeout(resolve, 1));
    await storage.set(pair(2));
    expect((await request).response.status).toBe(200);
    expect(service.log).toEqual(['GET /auth/me access-1', 'GET /auth/me access-2']);
  });

  it('forgets the pair if the refresh is refused, and returns the refusal', async () => {
    const { service, client, storage } = await setUpExpired();
    service.fail('POST /auth/refresh', refusal(401, 'token_revoked'));
    const { error, response } = await client.GET('/auth/me');
    expect([response.status, error?.code]).toEqual([401, 'token_revoked']);
    expect(await storage.get()).toBeNull();
  });

  it('keeps a pair that was stored while its predecessor was refused', async () => {
    const { service, client, storage } = await setUpExpired();
    service.fail('POST /auth/refresh', refusal(401, 'token_revoked'));
    const request = client.GET('/auth/me');
    // The request and the refresh take 5 ms each.
    await new Promise((resolve) => setTimeout(resolve, 8));
    await storage.set(pair(7));
    await request;
    expect(await storage.get()).toEqual(pair(7));
  });

  it.each([500, 503, 429])('keeps the pair if the refresh answers %d', async (status) => {
    const { service, client, storage } = await setUpExpired();
    const code = 'service_unavailable';
    service.fail('POST /auth/refresh', refusal(status, code, { 'retry-after': '60' }));
    const { error, response } = await client.GET('/auth/me');
    expect([response.status, error?.code]).toEqual([status, code]);
    expect(await storage.get()).toEqual(pair(1));
  });

  it('keeps the pair if the network fails, and fails all requests together', async () => {
    const { service, client, storage } = await setUpExpired();
    const failure = () => new TypeError('fetch failed');
    service.fail('GET /auth/me', refusal(401, 'token_expired'), refusal(401, 'token_expired'));
    service.fail('POST /auth/refresh', failure(), failure(), failure());
    const results = await Promise.allSettled([client.GET('/auth/me'), client.GET('/auth/me')]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(service.log.filter((call) => call.includes('refresh'))).toHaveLength(3);
    expect(await storage.get()).toEqual(pair(1));
  });

  it('keeps the refresh token if the service does not rotate it', async () => {
    const { service, client, storage } = await setUpExpired();
    service.fail('POST /auth/refresh', json(200, { access_token: 'access-1b' }));
    service.fail('GET /auth/me', refusal(401, 'token_expired'), json(200, {}));
    await client.GET('/auth/me');
    expect(await storage.get()).toEqual({ access: 'access-1b', refresh: 'refresh-1' });
  });

  it('does not refresh after another 401', async () => {
    const { service, client } = await setUpExpired();
    service.fail('GET /auth/me', refusal(401, 'fresh_token_required'));
    expect((await client.GET('/auth/me')).response.status).toBe(401);
    expect(service.log).toHaveLength(1);
  });

  it('ends the session with the refresh token, and forgets the pair', async () => {
    const { service, client, storage } = await setUpExpired();
    expect((await client.logout()).data).toEqual({ message: 'Successfully logged out.' });
    expect(service.log).toEqual(['DELETE /auth/logout2 refresh-1']);
    expect(await storage.get()).toBeNull();
  });

  it('forgets the pair at a logout without network', async () => {
    const { service, client, storage } = await setUpExpired();
    const failure = () => new TypeError('fetch failed');
    service.fail('DELETE /auth/logout2', failure(), failure(), failure());
    await expect(client.logout()).rejects.toThrow('fetch failed');
    expect(await storage.get()).toBeNull();
  });

  it('sends no token to another address, and prefers a token of the caller', async () => {
    const { service, client } = await setUpExpired();
    await client.GET('/auth/me', { baseUrl: 'http://other.test' });
    await client.GET('/auth/me', { headers: { authorization: 'Bearer mine' } });
    expect(service.log).toEqual(['GET http://other.test/auth/me', 'GET /auth/me mine']);
  });
});

describe('Clients that share localStorage', () => {
  it('refresh once without Web Locks, by a lease', async () => {
    const store = new FakeLocalStorage();
    await webStorage(store, `login ${BASE_URL}`).set(pair(1));
    const { service } = setUp();
    service.pair = 2;
    service.fail(
      'POST /auth/refresh',
      json(200, { access_token: 'access-2', refresh_token: 'refresh-2' }),
    );
    const tabs = Array.from({ length: 10 }, () =>
      createClient({ baseUrl: BASE_URL, storage: store, fetch: service.fetch }),
    );
    const results = await Promise.all(tabs.map((tab) => tab.GET('/auth/me')));
    expect(results.map(({ response }) => response.status)).toEqual(tabs.map(() => 200));
    expect(service.log.filter((call) => call.includes('refresh'))).toHaveLength(1);
    expect([...store.items.keys()]).toEqual([`login ${BASE_URL}`]);
  });

  it.each([
    ['that has ended', -1],
    ['from before the clock was set back', 3_600_000],
  ])('take a lease over %s', async (_, left) => {
    const store = new FakeLocalStorage();
    store.setItem('tokens lock', `${Date.now() + left} 0.5`);
    expect(await webStorage(store).lock(async () => 'done')).toBe('done');
  });
});

describe('The client in cookie mode', () => {
  const csrf = { access: 'csrf-1', refresh: 'csrf-refresh-1' };
  const bodyOf = (n: number) => ({
    csrf_access_token: `csrf-${n}`,
    csrf_refresh_token: `csrf-refresh-${n}`,
  });

  it('sends cookies, and X-CSRF-TOKEN with requests that change something', async () => {
    const storage = memoryStorage();
    const { service, client } = setUp({ storage, cookies: true });
    service.fail('POST /auth/login', json(200, bodyOf(1)));
    await client.login('user', 'password');
    expect(await storage.get()).toEqual(csrf);
    await client.GET('/auth/me');
    await client.DELETE('/auth/sessions');
    const sent = service.requests.map(({ credentials, headers }) => [
      credentials,
      headers.get('x-csrf-token'),
    ]);
    expect(sent).toEqual([
      ['include', null],
      ['include', null],
      ['include', 'csrf-1'],
    ]);
  });

  it('refreshes if the browser has dropped the cookie of an expired token', async () => {
    const storage = memoryStorage();
    await storage.set(csrf);
    const { service, client } = setUp({ storage, cookies: true });
    service.fail('GET /auth/me', refusal(401, 'token_missing'));
    service.fail('POST /auth/refresh', json(200, bodyOf(2)));
    expect((await client.GET('/auth/me')).response.status).toBe(200);
    expect(service.requests[1]!.headers.get('x-csrf-token')).toBe('csrf-refresh-1');
    expect(await storage.get()).toEqual({ access: 'csrf-2', refresh: 'csrf-refresh-2' });
  });

  it('reads the cookies of the page, those with a prefix first', async () => {
    const names = ['csrf_access_token', 'csrf_refresh_token'];
    const planted = names.map((name) => `${name}=planted`);
    const own = names.map((name) => `__Host-${name}=own-${name}`);
    const page = globalThis as { document?: object };
    page.document = { cookie: [...planted, ...own].join('; ') };
    try {
      const { service, client } = setUp({ cookies: true });
      await client.DELETE('/auth/sessions');
      expect(service.requests[0]!.headers.get('x-csrf-token')).toBe('own-csrf_access_token');
    } finally {
      delete page.document;
    }
  });

  it('keeps the login if the value for X-CSRF-TOKEN is refused', async () => {
    const storage = memoryStorage();
    await storage.set(csrf);
    const { service, client } = setUp({ storage, cookies: true });
    service.fail('DELETE /auth/sessions', refusal(401, 'csrf_failed'));
    service.fail('POST /auth/refresh', refusal(401, 'csrf_failed'));
    expect((await client.DELETE('/auth/sessions')).response.status).toBe(401);
    expect(await storage.get()).toEqual(csrf);
  });
});
