import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  type ApiClient,
  createClient,
  etagOf,
  memoryStorage,
  unwrap,
} from '../../packages/client/src/index.js';
import { bootApp, type TestApp } from '../support/test-app.js';
import { freezeTime } from '../support/time.js';

const HOUR = 3_600_000;

describe('The typed client', () => {
  let app: TestApp;
  let client: ApiClient;
  /** The method and the path of each request. */
  let sent: string[];

  beforeAll(async () => {
    // A second refresh with the same token would be a theft, and end the session.
    app = await bootApp({ REFRESH_GRACE: '0s' });
  });
  afterAll(() => app.close());
  afterEach(() => void jest.useRealTimers());

  /** A client that has logged in as a new user. */
  async function logIn(storage = memoryStorage()) {
    const user = await app.newUser();
    sent = [];
    client = createClient({
      baseUrl: app.url,
      storage,
      fetch: (request) => {
        sent.push(`${request.method} ${new URL(request.url).pathname}`);
        return fetch(request);
      },
    });
    unwrap(await client.login(user.name, user.password));
    return { user, storage };
  }

  it('refreshes once for ten requests with an expired token', async () => {
    const { user } = await logIn();
    freezeTime(Date.now() + HOUR);
    const results = await Promise.all(Array.from({ length: 10 }, () => client.GET('/auth/me')));
    expect(results.map((result) => unwrap(result).name)).toEqual(
      Array.from({ length: 10 }, () => user.name),
    );
    expect(sent.filter((call) => call === 'POST /auth/refresh')).toHaveLength(1);
  });

  it('goes on with the session of a changed password', async () => {
    const { user } = await logIn();
    const body = { current_password: user.password, new_password: 'another password' };
    unwrap(await client.POST('/auth/password', { body }));
    expect(unwrap(await client.GET('/auth/me')).id).toBe(user.id);
    expect(sent).not.toContain('POST /auth/refresh');
  });

  it('returns the refusal of a refresh if the session was ended elsewhere', async () => {
    const { user, storage } = await logIn();
    const { access } = await app.login(user);
    await app.send('DELETE', '/auth/sessions', { token: access });
    const { error } = await client.GET('/auth/me');
    expect(error?.code).toBe('token_revoked');
    expect(await storage.get()).toBeNull();
  });

  it('ends the session at a logout', async () => {
    const { storage } = await logIn();
    const kept = await storage.get();
    unwrap(await client.logout());
    expect((await app.get('/auth/me', { token: kept!.access })).body.code).toBe('token_revoked');
    expect((await client.GET('/auth/me')).error?.code).toBe('token_missing');
  });

  it('lists all users page by page', async () => {
    await logIn();
    const ids: number[] = [];
    for await (const { id } of client.pages('/api/users', { params: { query: { limit: 2 } } })) {
      ids.push(id);
    }
    const all = unwrap(await client.GET('/api/users'));
    expect(ids).toEqual(all.map(({ id }) => id));
    expect(ids.length).toBeGreaterThan(2);
  });

  it('creates nothing twice if an answer was lost', async () => {
    let lost = 0;
    const unreliable = createClient({
      baseUrl: app.url,
      fetch: async (request) => {
        const response = await fetch(request);
        if (lost++ < 2) throw new TypeError('The connection was lost.');
        return response;
      },
    });
    const name = `once-${Date.now()}`;
    const body = { name, password: 'a password' };
    const result = await unreliable.POST('/api/users', { body });
    expect([result.response.status, unwrap(result).name]).toEqual([201, name]);
    expect(result.response.headers.get('idempotent-replayed')).toBe('true');
  });

  it('changes a user only if its entity tag still matches', async () => {
    const { user } = await logIn();
    const path = { id: user.id };
    const etag = etagOf((await client.GET('/api/users/{id}', { params: { path } })).response)!;
    const rename = (name: string) =>
      client.PATCH('/api/users/{id}', {
        params: { path, header: { 'If-Match': etag } },
        body: { name },
      });
    expect(unwrap(await rename(`${user.name}-2`)).name).toBe(`${user.name}-2`);
    expect((await rename(`${user.name}-3`)).error?.code).toBe('precondition_failed');
  });
});
