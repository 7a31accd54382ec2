import { Module } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import jsonwebtoken from 'jsonwebtoken';
import { ApiKeys } from '../../../examples/api-keys.js';
import { ExamplesModule } from '../../../examples/examples.module.js';
import { AppConfig } from '../../../src/config/app-config.js';
import { TokenHook, type TokenHooks } from '../../../src/tokens/token-hooks.js';
import { TokenService } from '../../../src/tokens/token.service.js';
import type { Token } from '../../../src/tokens/token.js';
import { bootApp, SECRET, type TestApp } from '../../support/test-app.js';

const captured: Token[] = [];

@TokenHook()
class CapturingHook implements TokenHooks {
  issued(token: Token) {
    captured.push(token);
  }
}

@Module({ providers: [CapturingHook] })
class CapturingModule {}

/* Each test checks a sentence of the README of flask-jwt-trivial, which its comment quotes. */
describe('The behavior that flask-jwt-trivial documents', () => {
  const headers = { 'x-api-key': 'a key' };
  let app: TestApp;

  const boot = (env: Record<string, string>) =>
    bootApp(env, {
      imports: [ExamplesModule.forRoot(new ApiKeys({ 'a key': 'a program' })), CapturingModule],
    });
  const getToken = async (client: TestApp): Promise<string> => {
    const { body } = await client.get<{ data: { attributes: { token: string } } }>('/get_token', {
      headers,
    });
    return body.data.attributes.token;
  };
  const visit = async (client: TestApp, options: object) => {
    const { status, text } = await client.get('/private', options);
    return [status, text];
  };

  beforeAll(async () => {
    app = await boot({});
  });
  afterAll(() => app.close());

  // “Only bearer tokens are supported, no other methods.”
  it('accepts bearer tokens only', async () => {
    const token = await getToken(app);
    expect(await visit(app, { token })).toEqual([200, 'Your token worked.']);
    for (const other of [
      { headers: { authorization: `JWT ${token}` } },
      { headers: { authorization: `Basic ${Buffer.from(`:${token}`).toString('base64')}` } },
      { headers: { authorization: token } },
      { headers: { cookie: `access_token_cookie=${token}` } },
    ]) {
      expect((await visit(app, other))[0]).toBe(401);
    }
    expect((await app.get(`/private?access_token=${token}`)).status).toBe(401);
  });

  // “The only valid algorithms for create_access_token() are HS256, HS384, or HS512.”
  it.each(['HS384', 'HS512'] as const)('signs access tokens with %s', async (algorithm) => {
    const other = await boot({ JWT_ALGORITHM: algorithm });
    const token = await getToken(other);
    expect(other.app.get(TokenService).decode(token).header.alg).toBe(algorithm);
    expect(await visit(other, { token })).toEqual([200, 'Your token worked.']);
    await other.close();
  });

  // “The default is HS256.”
  it('signs with HS256 by default', async () => {
    expect(AppConfig.from({}).jwt.algorithm).toBe('HS256');
    expect(app.app.get(TokenService).decode(await getToken(app)).header.alg).toBe('HS256');
  });

  // “First, generate a token and send it to the user.”
  it('issues a token to a program with an API key', async () => {
    const { status, body } = await app.get('/get_token', { headers });
    expect([status, body]).toEqual([
      200,
      {
        data: {
          type: 'tokens',
          attributes: { token: expect.any(String), category: 'Bearer' },
        },
      },
    ]);
    expect((await app.get('/get_token')).status).toBe(401);
  });

  // “For them to access private routes, they must present that token as a bearer token, using the
  // Authorization header”
  it('requires a bearer token in the Authorization header at a private route', async () => {
    const { status, body } = await app.get('/private');
    expect([status, body.error]).toEqual([401, 'Missing Authorization Header']);
    const authorization = `Bearer ${await getToken(app)}`;
    expect(await visit(app, { headers: { authorization } })).toEqual([200, 'Your token worked.']);
  });

  // “it is up to you to manage the tokens, revoking them, checking expiry, etc.”: this service does
  // it.
  it('revokes tokens, and limits their lifetime', async () => {
    const signed = await getToken(app);
    const tokens = app.app.get(TokenService);
    await tokens.revoke(await tokens.verify(signed));
    expect((await visit(app, { token: signed }))[0]).toBe(401);
    const { maxAge } = await tokens.createAccessToken('a program');
    expect(maxAge).toBe(900);
  });

  // “algorithms: Optional. List. Valid algorithms.”
  it('accepts only the algorithms of JWT_ALGORITHMS', async () => {
    const several = await boot({ JWT_ALGORITHMS: 'HS256,HS384,HS512' });
    const claims = jsonwebtoken.decode(await getToken(several)) as object;
    for (const algorithm of ['HS256', 'HS384', 'HS512'] as const) {
      const token = jsonwebtoken.sign(claims, SECRET, { algorithm });
      expect((await visit(several, { token }))[0]).toBe(200);
      expect((await visit(app, { token }))[0]).toBe(algorithm === 'HS256' ? 200 : 401);
    }
    await several.close();
  });

  // “audience: Optional. String. JWT aud parameter.” and “issuer: … your organisation.”
  it('issues and requires the audience and the issuer of the settings', async () => {
    const other = await boot({ JWT_AUDIENCE: 'programs', JWT_ISSUER: 'the alliance' });
    const token = await getToken(other);
    const claims = other.app.get(TokenService).decode(token).claims;
    expect(claims).toMatchObject({ aud: 'programs', iss: 'the alliance' });
    expect((await visit(other, { token }))[0]).toBe(200);
    for (const change of [{ aud: 'others' }, { iss: 'the empire' }]) {
      const forged = jsonwebtoken.sign({ ...claims, ...change }, SECRET);
      expect((await visit(other, { token: forged }))[0]).toBe(401);
    }
    expect((await visit(other, { token: await getToken(app) }))[0]).toBe(401);
    await other.close();
  });

  // “retfunc: Optional. A function that will be called on return. Useful if you want to capture the
  // returned data and do something with it first.”
  it('passes each issued token to the hook', async () => {
    captured.length = 0;
    const token = await getToken(app);
    expect(captured.map(({ signed, subject }) => [signed, subject])).toEqual([
      [token, 'a program'],
    ]);
  });
});
