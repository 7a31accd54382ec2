import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiKeys } from '../../../examples/api-keys.js';
import { ExamplesModule } from '../../../examples/examples.module.js';
import { type AccessTokenOptions, TokenService } from '../../../src/tokens/token.service.js';
import { bootApp, type TestApp } from '../../support/test-app.js';

describe('The examples', () => {
  let app: TestApp;

  beforeAll(async () => {
    const apiKeys = new ApiKeys({ 'the key of reporting': 'reporting' });
    app = await bootApp({}, { imports: [ExamplesModule.forRoot(apiKeys)] });
  });
  afterAll(() => app.close());

  const issueToken = async (subject: string, options: AccessTokenOptions = {}): Promise<string> =>
    (await app.app.get(TokenService).createAccessToken(subject, options)).signed;
  const visit = async (path: string, token?: string) => {
    const { status, body } = await app.get(path, token === undefined ? {} : { token });
    return [status, body.message ?? body.code];
  };

  it('serves an open route, and a route with a body for administrators', async () => {
    expect((await app.get('/droids/status')).body).toEqual({ online: true });
    const token = await issueToken('leia', { scope: { admin: true } });
    const created = await app.send('POST', '/droids', { json: { name: 'r2-d2' }, token });
    expect([created.status, created.body]).toEqual([201, { name: 'r2-d2', maker: 'leia' }]);
    const refused = await app.send('POST', '/droids', { json: { name: 'x' }, token });
    expect(refused.body.message).toEqual({ name: ['Shorter than minimum length 2.'] });
    const { access } = await app.newLogin();
    const forbidden = await app.send('POST', '/droids', { json: { name: 'r2' }, token: access });
    expect(forbidden.body.code).toBe('scope_required');
  });

  it('serves a route for any access token', async () => {
    const { access, refresh } = await app.newLogin();
    expect(await visit('/protected_route', access)).toEqual([
      200,
      "You've reached the protected route!",
    ]);
    expect(await visit('/protected_route')).toEqual([401, 'token_missing']);
    expect(await visit('/protected_route', refresh)).toEqual([422, 'wrong_token_type']);
  });

  it('serves a route for the subject that the path names', async () => {
    const leia = await issueToken('leia');
    expect(await visit('/user_specific_route/leia', leia)).toEqual([200, 'Hello, leia!']);
    expect(await visit('/user_specific_route/luke', leia)).toEqual([403, 'claim_required']);
    const spaced = await issueToken('leia organa');
    expect(await visit('/user_specific_route/leia%20organa', spaced)).toEqual([
      200,
      'Hello, leia organa!',
    ]);
  });

  it('serves a route that requires a custom claim', async () => {
    const holding = (custom_claim: unknown) => issueToken('leia', { claims: { custom_claim } });
    expect(await visit('/custom_claim_route', await holding('Arbitrary Required Value'))).toEqual([
      200,
      "You've reached the custom claim route!",
    ]);
    for (const token of [await issueToken('leia'), await holding('another'), await holding(true)]) {
      expect(await visit('/custom_claim_route', token)).toEqual([403, 'claim_required']);
    }
  });

  it('serves a route for administrators', async () => {
    const admin = await issueToken('leia', { scope: { admin: true } });
    expect(await visit('/admin_dashboard', admin)).toEqual([200, 'Hello admin!']);
    const { access } = await app.newLogin();
    expect(await visit('/admin_dashboard', access)).toEqual([403, 'scope_required']);
  });

  it('serves a route whose requirement can be overridden', async () => {
    const admin = await issueToken('leia', { claims: { admin: true } });
    expect(await visit('/overridable_route/luke', admin)).toEqual([200, 'Hello, admin!']);
    const luke = await issueToken('luke');
    expect(await visit('/overridable_route/luke', luke)).toEqual([200, 'Hello, luke!']);
    expect(await visit('/overridable_route/leia', luke)).toEqual([403, 'claim_required']);
  });

  it('issues a token to a program, in the shape of JSON:API, and accepts it', async () => {
    const headers = { 'x-api-key': 'the key of reporting' };
    const answer = await app.get<{ data: { attributes: { token: string } } }>('/get_token', {
      headers,
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toEqual({
      data: { type: 'tokens', attributes: { token: expect.any(String), category: 'Bearer' } },
    });
    const { token } = answer.body.data.attributes;
    const { status, text } = await app.get('/private', { token });
    expect([status, text]).toEqual([200, 'Your token worked.']);
    expect(await visit('/private')).toEqual([401, 'token_missing']);
  });

  it('issues no token without a valid API key', async () => {
    for (const headers of [{}, { 'x-api-key': 'a guess' }]) {
      const { status, body } = await app.get('/get_token', { headers });
      expect([status, body.code]).toEqual([401, 'unauthorized']);
    }
  });

  it('adds a claim to every token', async () => {
    const { access } = await app.login({ name: 'user', password: 'password' });
    const other = await app.newLogin();
    const tenant = async (token: string) =>
      (await app.get<{ claims: { tenant: string } }>('/auth/token', { token })).body.claims.tenant;
    expect([await tenant(access), await tenant(other.access)]).toEqual(['alderaan', 'hoth']);
  });

  it('serves routes for a token in a custom cookie, which is bound to X-CSRF-TOKEN', async () => {
    const opened = await app.send('POST', '/kiosk/token', {
      headers: { 'x-api-key': 'the key of reporting' },
    });
    const [cookie = ''] = (opened.headers.get('set-cookie') ?? '').split(';');
    const csrf = opened.body.csrf as string;
    const order = async (headers: Record<string, string>, method = 'POST') => {
      const { status, body } = await app.send(method, '/kiosk/orders', { headers });
      return [status, body.orders ?? body.code];
    };
    expect(await order({ cookie, 'x-csrf-token': csrf })).toEqual([201, 1]);
    expect(await order({ cookie })).toEqual([401, 'csrf_failed']);
    expect(await order({ cookie, 'x-csrf-token': `${csrf}x` })).toEqual([401, 'csrf_failed']);
    expect(await order({ cookie }, 'GET')).toEqual([200, 1]);
    const missing = await app.get('/kiosk/orders');
    expect(missing.body).toEqual({
      ...{ statusCode: 401, code: 'token_missing', error: 'Missing cookie "kiosk_token"' },
    });
    expect((await app.send('POST', '/kiosk/token')).status).toBe(401);
  });
});
