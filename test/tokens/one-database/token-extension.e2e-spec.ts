import { Controller, Get, Module } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import jsonwebtoken from 'jsonwebtoken';
import { ApiKeys } from '../../../examples/api-keys.js';
import { ExamplesModule } from '../../../examples/examples.module.js';
import { CurrentToken, RequireToken } from '../../../src/access/require-token.decorator.js';
import { type AccessTokenOptions, TokenService } from '../../../src/tokens/token.service.js';
import { Token } from '../../../src/tokens/token.js';
import { settingsFor } from '../../support/key-material.js';
import { freezeTime } from '../../support/time.js';
import { bootApp, SECRET, type TestApp } from '../../support/test-app.js';

@Controller('extension')
class ExtensionController {
  /** Returns everything that a handler can read from the token. */
  @Get('token/info')
  @RequireToken()
  info(@CurrentToken() token: Token) {
    return {
      token_type: token.type,
      subject: token.subject,
      scope: token.scope,
      claims: token.claims,
      is_signed: token.isSigned(),
      signed_token: token.signed,
    };
  }

  @Get('refresh')
  @RequireToken({ type: 'refresh' })
  refresh(@CurrentToken() token: Token) {
    return { subject: token.subject };
  }

  @Get('device')
  @RequireToken({ type: 'refresh', claims: { device: { kind: 'phone' }, tags: ['a'] } })
  device() {
    return {};
  }
}

@Module({ controllers: [ExtensionController] })
class ExtensionModule {}

/* Each test checks a sentence of the documentation of Flask_PyJWT, which its comment quotes. */
describe('The behavior that Flask_PyJWT documents', () => {
  let app: TestApp;
  let tokens: TokenService;

  beforeAll(async () => {
    const imports = [ExamplesModule.forRoot(new ApiKeys({})), ExtensionModule];
    app = await bootApp(
      {
        ...{
          JWT_ISSUER: 'Flask_PyJWT',
          JWT_AUTHTYPE: 'HS256',
          JWT_SECRET: SECRET,
          JWT_SECRET_KEY: '',
        },
        ...{ JWT_AUTHMAXAGE: '3600', JWT_REFRESHMAXAGE: '604800' },
      },
      { imports },
    );
    tokens = app.app.get(TokenService);
  });
  afterEach(() => {
    jest.useRealTimers();
  });
  afterAll(() => app.close());

  const auth = async (subject: string, options: AccessTokenOptions = {}): Promise<string> =>
    (await tokens.createAccessToken(subject, options)).signed;
  const visit = async (path: string, token?: string) => {
    const { status, body } = await app.get(path, token === undefined ? {} : { token });
    return [status, body.message ?? body.code ?? body.subject];
  };

  // “Routes can be decorated to require JWT auth or refresh tokens”
  it('requires an access token or a refresh token at a decorated route', async () => {
    const { signed: refresh } = await tokens.createRefreshToken('leia');
    expect(await visit('/protected_route', await auth('leia'))).toEqual([200, expect.anything()]);
    expect(await visit('/protected_route', refresh)).toEqual([422, 'wrong_token_type']);
    expect(await visit('/extension/refresh', refresh)).toEqual([200, 'leia']);
    expect(await visit('/extension/refresh', await auth('leia'))).toEqual([
      422,
      'wrong_token_type',
    ]);
  });

  // “and can require the presence of additional claims and their values”
  it('requires the value of a claim', async () => {
    const holding = (claims: Record<string, unknown>) => auth('leia', { claims });
    const right = await holding({ custom_claim: 'Arbitrary Required Value' });
    expect((await visit('/custom_claim_route', right))[0]).toBe(200);
    const wrong = await holding({ custom_claim: 'Another' });
    expect(await visit('/custom_claim_route', wrong)).toEqual([403, 'claim_required']);
  });

  // “JWT_ISSUER: Issuer of tokens”
  it('issues and requires the issuer of JWT_ISSUER', async () => {
    const token = await auth('leia');
    expect(tokens.decode(token).claims.iss).toBe('Flask_PyJWT');
    const claims = { ...tokens.decode(token).claims, iss: 'somebody else' };
    const other = jsonwebtoken.sign(claims, SECRET);
    expect(await visit('/protected_route', other)).toEqual([401, 'token_invalid']);
    const ours = jsonwebtoken.sign(tokens.decode(token).claims, SECRET);
    expect((await visit('/protected_route', ours))[0]).toBe(200);
  });

  // “JWT_AUTHTYPE: HS256, HS512, RS256, or RS512”
  it.each(['HS512', 'RS256', 'RS512'] as const)(
    'signs with the algorithm of JWT_AUTHTYPE: %s',
    async (algorithm) => {
      const { JWT_PRIVATE_KEY = SECRET } = settingsFor(algorithm);
      // “string for HS256/HS512, bytes (RSA Private Key) for RS256/RS512”
      const env = { JWT_AUTHTYPE: algorithm, JWT_SECRET: JWT_PRIVATE_KEY, JWT_SECRET_KEY: '' };
      const other = await bootApp(env);
      const { access } = await other.newLogin();
      expect(other.app.get(TokenService).decode(access).header.alg).toBe(algorithm);
      expect((await other.get('/auth/me', { token: access })).status).toBe(200);
      await other.close();
    },
  );

  // “JWT_AUTHMAXAGE = 3600” and “JWT_REFRESHMAXAGE = 604800”, in seconds
  it('issues tokens that last JWT_AUTHMAXAGE and JWT_REFRESHMAXAGE seconds', async () => {
    const access = await tokens.createAccessToken('leia');
    const refresh = await tokens.createRefreshToken('leia');
    expect([access.maxAge, refresh.maxAge]).toEqual([3600, 604_800]);
    freezeTime(access.expiresAt);
    expect(await visit('/protected_route', access.signed)).toEqual([401, 'token_expired']);
    expect(await visit('/extension/refresh', refresh.signed)).toEqual([200, 'leia']);
  });

  // “Create auth and refresh tokens with the auth_manager object”
  it('issues access and refresh tokens from code', async () => {
    const access = await tokens.createAccessToken('leia', { scope: { admin: true } });
    const refresh = await tokens.createRefreshToken('leia');
    expect([access.type, access.subject, access.scope]).toEqual([
      'access',
      'leia',
      { admin: true },
    ]);
    expect([refresh.type, refresh.subject, refresh.scope]).toEqual(['refresh', 'leia', {}]);
    expect([access.isSigned(), refresh.isSigned()]).toEqual([true, true]);
  });

  // “Some user authentication via username/password … Invalid login credentials”
  it('refuses a login with a wrong password', async () => {
    const user = await app.newUser();
    const json = { username: user.name, password: 'wrong' };
    expect((await app.send('POST', '/auth/login', { json })).status).toBe(401);
    expect((await app.login(user)).access).toMatch(/\w/);
  });

  // “Protect routes by requiring auth tokens”
  it('protects a route with an access token', async () => {
    expect(await visit('/protected_route')).toEqual([401, 'token_missing']);
    expect(await visit('/protected_route', await auth('leia'))).toEqual([
      200,
      "You've reached the protected route!",
    ]);
  });

  // “Provision new auth tokens by requiring refresh tokens”
  it('issues a new access token for a refresh token', async () => {
    const { refresh } = await app.newLogin();
    const { body } = await app.send('POST', '/auth/refresh', { token: refresh });
    const token = String(body.access_token);
    expect((await visit('/protected_route', token))[0]).toBe(200);
    // “Retrieve some authorizations the user has”
    expect((await tokens.verify(token)).scope).toEqual({});
  });

  // “Require specific claims in auth or refresh tokens to match a route’s rule variables”
  it('compares a claim with a parameter of the route', async () => {
    const token = await auth('leia');
    expect(await visit('/user_specific_route/leia', token)).toEqual([200, 'Hello, leia!']);
    expect(await visit('/user_specific_route/luke', token)).toEqual([403, 'claim_required']);
  });

  // “Require arbitrary claims in auth or refresh tokens”
  it('requires claims of a refresh token', async () => {
    const refresh = async (claims: Record<string, unknown>) =>
      (await tokens.createRefreshToken('leia', { claims })).signed;
    const right = await refresh({ device: { kind: 'phone', age: 2 }, tags: ['b', 'a'] });
    expect((await visit('/extension/device', right))[0]).toBe(200);
    for (const claims of [{}, { device: { kind: 'phone' } }, { device: 'phone', tags: ['a'] }]) {
      expect(await visit('/extension/device', await refresh(claims))).toEqual([
        403,
        'claim_required',
      ]);
    }
  });

  // “Require authorizations to be present in an auth token’s scope”
  it('requires an authorization in the scope of an access token', async () => {
    const admin = await auth('leia', { scope: { admin: true } });
    expect(await visit('/admin_dashboard', admin)).toEqual([200, 'Hello admin!']);
    for (const scope of [{}, { admin: false }, { admin: 'true' }]) {
      const token = await auth('leia', { scope });
      expect(await visit('/admin_dashboard', token)).toEqual([403, 'scope_required']);
    }
  });

  // “Access the current token’s information using current_token”
  it('passes the current token to a handler', async () => {
    const options = { scope: { admin: true }, claims: { planet: 'alderaan' } };
    const token = await tokens.createAccessToken('leia', options);
    for (const path of ['/extension/token/info', '/auth/token']) {
      const { body } = await app.get(path, { token: token.signed });
      expect(body).toEqual({
        ...{ token_type: 'access', subject: 'leia', scope: { admin: true } },
        ...{ claims: token.claims, is_signed: true, signed_token: token.signed },
      });
      expect(body.claims).toMatchObject({ planet: 'alderaan' });
    }
  });

  // “but with the option to override those values with other claims”
  it('accepts an overriding claim instead of the required one', async () => {
    const admin = await auth('leia', { claims: { admin: true } });
    expect(await visit('/overridable_route/luke', admin)).toEqual([200, 'Hello, admin!']);
    expect(await visit('/overridable_route/luke', await auth('luke'))).toEqual([
      200,
      'Hello, luke!',
    ]);
    expect(await visit('/overridable_route/luke', await auth('leia'))).toEqual([
      403,
      'claim_required',
    ]);
  });
});
