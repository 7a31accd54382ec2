import { Injectable, Module, Scope } from '@nestjs/common';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { ApiError, notFound } from '../../../src/errors/api-error.js';
import { Session } from '../../../src/sessions/session.entity.js';
import { TokenError } from '../../../src/tokens/token-errors.js';
import { TokenHook, type TokenHooks } from '../../../src/tokens/token-hooks.js';
import { type AccessTokenOptions, TokenService } from '../../../src/tokens/token.service.js';
import { Token } from '../../../src/tokens/token.js';
import { freezeTime } from '../../support/time.js';
import { allowUndocumented } from '../../support/response-check.js';
import { bootApp, type TestApp } from '../../support/test-app.js';

const settings = { JWT_ISSUER: 'us', JWT_AUDIENCE: 'here' };

/** @returns the code of the TokenError that the promise rejects with, or `none` */
async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    if (error instanceof TokenError) return error.code;
    throw error;
  }
}

describe('TokenService', () => {
  let app: TestApp;
  let tokens: TokenService;

  beforeAll(async () => {
    app = await bootApp(settings);
    tokens = app.app.get(TokenService);
  });
  afterEach(() => {
    jest.useRealTimers();
  });
  afterAll(() => app.close());

  it('issues an access token with all options', async () => {
    freezeTime(1_800_000_000_400);
    const token = await tokens.createAccessToken('leia', {
      scope: { may: ['read'] },
      claims: { planet: 'alderaan', nothing: undefined, since: new Date(0) },
      fresh: true,
      expiresIn: 60,
    });
    expect(token).toBeInstanceOf(Token);
    expect(token).toMatchObject({
      ...{ type: 'access', subject: 'leia', sessionId: null, fresh: true },
      ...{ issuer: 'us', audience: 'here', maxAge: 60, algorithm: 'HS256' },
      scope: { may: ['read'] },
      issuedAt: new Date(1_800_000_000_000),
      expiresAt: new Date(1_800_000_060_000),
      header: { alg: 'HS256', typ: 'at+jwt', kid: token.keyId },
    });
    // A hook of the project may add more.
    expect(token.claims).toMatchObject({
      ...{ iss: 'us', aud: 'here', sub: 'leia', jti: token.id, type: 'access' },
      ...{ iat: 1_800_000_000, nbf: 1_800_000_000, exp: 1_800_000_060 },
      ...{ fresh: true, scope: { may: ['read'] } },
      ...{ planet: 'alderaan', since: '1970-01-01T00:00:00.000Z' },
    });
    expect('nothing' in token.claims).toBe(false);
    expect(token.isSigned()).toBe(true);
    expect(token.keyId).toMatch(/^[\w-]{43}$/);
    const verified = await tokens.verify(token.signed);
    expect(verified).toEqual(token);
  });

  it('issues a refresh token without scope and freshness', async () => {
    const token = await tokens.createRefreshToken('leia', { claims: { device: 'x-wing' } });
    expect(token).toMatchObject({ type: 'refresh', fresh: false, scope: {}, maxAge: 30 * 86_400 });
    expect(token.claims).not.toHaveProperty('scope');
    expect(await tokens.verify(token.signed, { type: 'refresh' })).toEqual(token);
  });

  it('issues a different JWT of three parts each time', async () => {
    const { signed } = await tokens.createAccessToken('leia');
    expect(signed.split('.')).toHaveLength(3);
    expect((await tokens.createAccessToken('leia')).signed).not.toBe(signed);
  });

  it.each([
    'iss',
    'aud',
    'sub',
    'sid',
    'jti',
    'type',
    'iat',
    'nbf',
    'exp',
    'fresh',
    'scope',
    'csrf',
  ])('refuses to overwrite the registered claim %s', async (name) => {
    const claims = { [name]: 'mine' };
    const message = `The claim "${name}" cannot be overwritten.`;
    await expect(tokens.createAccessToken('leia', { claims })).rejects.toThrow(message);
    await expect(tokens.createRefreshToken('leia', { claims })).rejects.toThrow(message);
  });

  it.each([0, -1, 0.5, NaN, Infinity])(
    'refuses to issue a token that expires in %p seconds',
    async (expiresIn) => {
      await expect(tokens.createAccessToken('leia', { expiresIn })).rejects.toThrow(RangeError);
    },
  );

  it.each(['', 'a\0b', '\ud800', 'x'.repeat(256), 1 as unknown as string])(
    'refuses to issue a token for the subject %j',
    async (subject) => {
      await expect(tokens.createAccessToken(subject)).rejects.toThrow(TypeError);
    },
  );

  it('refuses to overwrite registered claims by toJSON or __proto__', async () => {
    const disguised = { toJSON: () => ({ sub: 'luke', scope: { admin: true } }) };
    await expect(tokens.createAccessToken('leia', { claims: disguised })).rejects.toThrow(
      'The claim "sub" cannot be overwritten.',
    );
    const hidden = JSON.parse('{"__proto__": {"sub": "luke"}}') as Record<string, unknown>;
    await expect(tokens.createAccessToken('leia', { claims: hidden })).rejects.toThrow(
      'The claim "__proto__" cannot be overwritten.',
    );
    const map = new Map([['planet', 'alderaan']]) as unknown as Record<string, unknown>;
    await expect(tokens.createAccessToken('leia', { claims: map })).rejects.toThrow(TypeError);
  });

  it.each<[string, AccessTokenOptions]>([
    ['an expiry beyond the range of dates', { expiresIn: 1e13 }],
    ['a session without an id', { sessionId: '' }],
    ['an invalid time of issue', { issuedAt: NaN }],
    ['an invalid end', { notAfter: NaN }],
    ['a scope that is a list', { scope: [] as unknown as Record<string, unknown> }],
    ['a scope that is null', { scope: null as unknown as Record<string, unknown> }],
    ['a freshness that is a string', { fresh: 'yes' as unknown as boolean }],
  ])('refuses to issue a token with %s', async (_, options) => {
    await expect(tokens.createAccessToken('leia', options)).rejects.toThrow(TypeError);
  });

  it('refuses to issue a token for a session that has ended', async () => {
    const notAfter = Date.now() - 1;
    expect(await codeOf(tokens.createAccessToken('leia', { notAfter }))).toBe('token_expired');
  });

  it('returns a header that handlers cannot change', async () => {
    const { signed } = await tokens.createAccessToken('leia');
    const { header } = await tokens.verify(signed);
    expect(() => Object.assign(header, { alg: 'none' })).toThrow(TypeError);
  });

  it.each([undefined, null, 5, {}, Buffer.from('a.b.c')])(
    'refuses %p with token_invalid',
    async (odd) => {
      const signed = odd as string;
      expect(await codeOf(tokens.verify(signed))).toBe('token_invalid');
      expect(await codeOf(tokens.verify(signed, { type: 'access' }))).toBe('token_invalid');
      expect(() => tokens.decode(signed)).toThrow(TokenError);
    },
  );

  it('refuses tokens with a stable code for each reason', async () => {
    const access = await tokens.createAccessToken('leia');
    const { signed } = access;
    expect(await codeOf(tokens.verify('nonsense'))).toBe('token_invalid');
    expect(await codeOf(tokens.verify('nonsense', { type: 'access' }))).toBe('token_invalid');
    expect(await codeOf(tokens.verify(`${signed.slice(0, -4)}AAAA`))).toBe('token_invalid');
    expect(await codeOf(tokens.verify(signed, { type: 'refresh' }))).toBe('wrong_token_type');
    expect(await codeOf(tokens.verify(signed, { type: 'access' }))).toBe('none');
    await tokens.revoke(access);
    await tokens.revoke(access);
    expect(await codeOf(tokens.verify(signed))).toBe('token_revoked');
    const short = await tokens.createRefreshToken('leia', { expiresIn: 1 });
    freezeTime(short.expiresAt);
    expect(await codeOf(tokens.verify(short.signed))).toBe('token_expired');
  });

  it('decodes a token without verifying it, and marks it as unverified', async () => {
    const { signed, claims } = await tokens.createAccessToken('leia');
    const forged = `${signed.slice(0, -4)}AAAA`;
    const read = tokens.decode(forged);
    expect(read).toMatchObject({ unverified: true, signed: forged, header: { alg: 'HS256' } });
    expect(read.claims).toEqual(claims);
    expect(read).not.toBeInstanceOf(Token);
    for (const text of ['', 'x', 'a.b.c', `${signed}.x`]) {
      expect(() => tokens.decode(text)).toThrow(TokenError);
    }
  });

  it('returns the sent token at GET /auth/token', async () => {
    const { id, access } = await app.newLogin();
    const { body, headers } = await app.get('/auth/token', { token: access });
    const { claims } = tokens.decode(access);
    expect(body).toEqual({
      token_type: 'access',
      subject: String(id),
      scope: {},
      claims,
      is_signed: true,
      signed_token: access,
    });
    expect(headers.get('cache-control')).toBe('no-store');
  });
});

const seen: Token[] = [];
let claimsToAdd: () => Record<string, unknown> | Promise<Record<string, unknown>> = () => ({});
let onIssue: (token: Token) => void = () => undefined;

@Injectable()
class NamesService {
  async nameOf(subject: string) {
    return `the name of ${subject}`;
  }
}

@TokenHook()
class FirstHook implements TokenHooks {
  addClaims(token: Token) {
    seen.push(token);
    // Each hook gets its own copy, so that these changes have no effect.
    (token.claims as Record<string, unknown>).sub = 'somebody else';
    (token.scope as Record<string, unknown>).admin = true;
    return claimsToAdd();
  }
}

@TokenHook()
class SecondHook implements TokenHooks {
  constructor(readonly service: NamesService) {}

  async addClaims({ subject }: Token) {
    return { name: await this.service.nameOf(subject) };
  }

  issued(token: Token) {
    seen.push(token);
    onIssue(token);
  }
}

@Module({ providers: [FirstHook, SecondHook, NamesService] })
class HooksModule {}

describe('Token hooks', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootApp({}, { imports: [HooksModule] });
  });
  beforeEach(() => {
    seen.length = 0;
    claimsToAdd = () => ({});
    onIssue = () => undefined;
  });
  afterAll(() => app.close());

  const login = () =>
    app.send('POST', '/auth/login', { json: { username: 'user', password: 'password' } });
  const sessions = (): Promise<number> => app.sql((manager) => manager.count(Session));

  it('adds the claims of hooks to every token before it is signed', async () => {
    claimsToAdd = async () => ({ planet: 'alderaan' });
    const { access, refresh } = await app.login({ name: 'user', password: 'password' });
    const tokens = app.app.get(TokenService);
    for (const signed of [access, refresh]) {
      const { claims, scope } = await tokens.verify(signed);
      expect(claims).toMatchObject({ sub: '1', planet: 'alderaan', name: 'the name of 1' });
      expect(scope).toEqual({});
    }
    const { body } = await app.send('POST', '/auth/refresh', { token: refresh });
    expect(tokens.decode(String(body.access_token)).claims).toMatchObject({ planet: 'alderaan' });
  });

  it('shows issued tokens to hooks before they are returned', async () => {
    const { body } = await login();
    const issued = seen.filter((token) => token.isSigned());
    expect(issued.map(({ signed }) => signed)).toEqual([body.access_token, body.refresh_token]);
    expect(issued.map(({ subject }) => subject)).toEqual(['1', '1']);
    const drafts = seen.filter((token) => !token.isSigned());
    expect(drafts.map(({ signed, type }) => [signed, type])).toEqual([
      ['', 'access'],
      ['', 'refresh'],
    ]);
  });

  it('fails the login, and stores no session, if a hook throws', async () => {
    const before = await sessions();
    claimsToAdd = () => {
      throw new Error('no claims today');
    };
    const { status, body } = await login();
    expect([status, body]).toEqual([
      500,
      {
        statusCode: 500,
        code: 'internal_error',
        error: 'Internal Server Error',
        request_id: expect.any(String),
      },
    ]);
    claimsToAdd = () => ({});
    onIssue = ({ type }) => {
      if (type === 'refresh') throw new ApiError(notFound);
    };
    allowUndocumented('POST /auth/login -> 404');
    expect((await login()).status).toBe(404);
    expect(await sessions()).toBe(before);
  });

  it('fails a refresh if a hook throws, and keeps the refresh token usable', async () => {
    const { refresh } = await app.login({ name: 'user', password: 'password' });
    claimsToAdd = () => Promise.reject(new Error('no claims today'));
    expect((await app.send('POST', '/auth/refresh', { token: refresh })).status).toBe(500);
    claimsToAdd = () => ({});
    expect((await app.send('POST', '/auth/refresh', { token: refresh })).status).toBe(200);
  });

  it.each(['sub', 'scope', 'exp', 'type', 'name'])(
    'fails the login if a hook overwrites the claim %s',
    async (name) => {
      claimsToAdd = () => ({ [name]: 'mine' });
      expect((await login()).status).toBe(500);
    },
  );

  it.each([null, undefined])('accepts a hook that returns %p', async (nothing) => {
    claimsToAdd = () => nothing as unknown as Record<string, unknown>;
    expect((await login()).status).toBe(200);
  });

  it.each(['text', ['list'], { toJSON: () => ({ scope: { admin: true } }) }])(
    'fails the login if a hook returns %j',
    async (odd) => {
      claimsToAdd = () => odd as unknown as Record<string, unknown>;
      expect((await login()).status).toBe(500);
    },
  );

  it('refuses to start with a request-scoped hook', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class OfRequest {}

    @TokenHook()
    class RequestHook {
      constructor(readonly request: OfRequest) {}
    }

    @Module({ providers: [RequestHook, OfRequest] })
    class RequestModule {}

    await expect(bootApp({}, { imports: [RequestModule] })).rejects.toThrow(
      'RequestHook: a @TokenHook() cannot be request-scoped.',
    );
  });
});
