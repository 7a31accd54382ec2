import { createHmac, generateKeyPairSync, randomUUID } from 'node:crypto';
import http from 'node:http';
import { Controller, Get, Module, Param } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import jsonwebtoken from 'jsonwebtoken';
import { CurrentToken, Public, RequireToken } from '../../src/access/require-token.decorator.js';
import { param } from '../../src/access/requirement.js';
import { Token } from '../../src/tokens/token.js';
import type { LoggedIn } from '../support/client.js';
import { freezeTime } from '../support/time.js';
import { bootApp, SECRET, type TestApp } from '../support/test-app.js';

@Controller('probe')
class ProbeController {
  @Get('undecorated')
  undecorated(@CurrentToken() token: Token) {
    return { subject: token.subject };
  }

  @Get('scoped')
  @RequireToken({ scope: { admin: true } })
  scoped() {
    return {};
  }

  @Get('nested')
  @RequireToken({ scope: { may: { crates: ['read', 'write'] } } })
  nested() {
    return {};
  }

  @Get('claimed')
  @RequireToken({ claims: { tenant: 'alderaan' } })
  claimed() {
    return {};
  }

  @Get('bound/:name')
  @RequireToken({ claims: { sub: param('name') }, override: { scope: { admin: true } } })
  bound(@Param('name') name: string) {
    return { name };
  }
}

@Public()
@Controller('open')
class OpenController {
  @Get()
  open() {
    return {};
  }

  @Get('closed')
  @RequireToken()
  closed() {
    return {};
  }
}

abstract class SharedController {
  @Get()
  shared() {
    return {};
  }
}

@Public()
@Controller('shared-open')
class SharedOpenController extends SharedController {}

@Controller('shared-closed')
class SharedClosedController extends SharedController {}

@Module({
  controllers: [ProbeController, OpenController, SharedOpenController, SharedClosedController],
})
class ProbeModule {}

const b64 = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** Signs any header and payload, including those that `jsonwebtoken` refuses to sign. */
function forge(payload: unknown, header: unknown = { alg: 'HS256', typ: 'JWT' }, key = SECRET) {
  const input = `${b64(header)}.${b64(payload)}`;
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
}

function claims(changes: Record<string, unknown> = {}): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1000);
  return {
    ...{ iss: 'us', aud: 'here', sub: '1', jti: randomUUID() },
    ...{ type: 'access', fresh: true, scope: {} },
    ...{ iat: now, nbf: now, exp: now + 900 },
    ...changes,
  };
}

function without(name: string): Record<string, unknown> {
  const { [name]: _, ...rest } = claims();
  return rest;
}

type Parts = [header: string, payload: string, signature: string];

/**
 * A signed token whose parts `change` spells differently. Both parts end in a character with unused
 * bits, which decoders ignore.
 */
function respell(change: (parts: Parts) => Parts): string {
  const padded = (value: object) => {
    const text = JSON.stringify(value);
    return b64(text + ' '.repeat((4 - (text.length % 3)) % 3));
  };
  const [header, payload] = change([padded({ alg: 'HS256' }), padded(claims()), '']);
  const input = `${header}.${payload}`;
  return `${input}.${createHmac('sha256', SECRET).update(input).digest('base64url')}`;
}

/** The same bytes, with an unused bit of the last character set. */
function nextTo(part: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return part.slice(0, -1) + alphabet[alphabet.indexOf(part.at(-1)!) + 1]!;
}

/** The same JSON, followed by a character that holds too few bits for a byte. */
function tooLong(part: string): string {
  return `${part.slice(0, -2)}${Buffer.from('   ').toString('base64url')}A`;
}

describe('Token checks', () => {
  let app: TestApp;
  let user: LoggedIn;

  beforeAll(async () => {
    const env = { JWT_ISSUER: 'us', JWT_AUDIENCE: 'here' };
    app = await bootApp(env, { imports: [ProbeModule] });
    user = await app.newLogin();
  });
  afterAll(() => app.close());
  afterEach(() => {
    jest.useRealTimers();
  });

  const me = (token: string) => app.get('/auth/me', { token });
  const invalid = { statusCode: 401, code: 'token_invalid', error: 'Invalid token' };
  const challengeOf = (error: string, description: string) =>
    `Bearer realm="api", error="${error}", error_description="${description}"`;

  it('accepts tokens that code issued without a session', async () => {
    expect((await me(forge(claims()))).body).toMatchObject({ id: 1, name: 'user' });
    const { id } = await app.newUser();
    const token = forge(claims({ sub: String(id) }));
    expect((await app.send('DELETE', '/auth/logout', { token })).status).toBe(200);
    expect((await me(token)).body.code).toBe('token_revoked');
    const refresh = forge({ ...claims({ sub: String(id) }), type: 'refresh' });
    expect((await app.send('POST', '/auth/refresh', { token: refresh })).status).toBe(200);
    expect((await app.send('DELETE', '/auth/logout2', { token: refresh })).status).toBe(200);
    const again = await app.send('POST', '/auth/refresh', { token: refresh });
    expect(again.body.code).toBe('token_revoked');
  });

  it('refuses a token whose subject is not a user if the route needs one', async () => {
    for (const sub of ['999999', 'unknown', '0', '99999999999999999999']) {
      expect((await me(forge(claims({ sub })))).body.code).toBe('token_revoked');
    }
    const token = forge(claims({ sub: '999999' }));
    const json = { name: 'unknown', password: 'secret' };
    expect((await app.send('PUT', '/api/users/999999', { token, json })).status).toBe(404);
  });

  it('accepts times with fractions of a second, as RFC 7519 allows', async () => {
    const now = Date.now() / 1000;
    expect((await me(forge(claims({ iat: now, nbf: now, exp: now + 60.5 })))).status).toBe(200);
  });

  it('answers a missing token with 401 token_missing and no error code in the challenge', async () => {
    const { status, body, headers } = await app.get('/auth/me');
    expect(status).toBe(401);
    expect(body).toEqual({
      statusCode: 401,
      code: 'token_missing',
      error: 'Missing Authorization Header',
    });
    expect(headers.get('www-authenticate')).toBe('Bearer realm="api"');
    expect(headers.get('cache-control')).toBe('no-store');
    const basic = await app.get('/auth/me', { headers: { authorization: 'Basic dXNlcjpwYXNz' } });
    expect(basic.body.code).toBe('token_missing');
  });

  it('reads tokens from the Authorization header only', async () => {
    const { access } = user;
    const cookie = await app.get('/auth/me', { headers: { cookie: `access_token=${access}` } });
    const query = await app.get(`/auth/me?access_token=${access}`);
    const seed = await app.get('/auth/me', { headers: { 'x-token': access } });
    for (const { body } of [cookie, query, seed]) expect(body.code).toBe('token_missing');
  });

  it.each([
    ['bearer in lower case', (token: string) => `bearer ${token}`, 200],
    ['no token', () => 'Bearer', 401],
    ['two tokens', (token: string) => `Bearer ${token} ${token}`, 401],
    ['a token and more', (token: string) => `Bearer ${token} junk`, 401],
    ['two schemes', (token: string) => `Basic x, Bearer ${token}`, 401],
    ['a comma after the token', (token: string) => `Bearer ${token},`, 401],
    ['quotes', (token: string) => `Bearer "${token}"`, 401],
    ['no space', (token: string) => `Bearer${token}`, 401],
  ])('reads the Authorization header strictly: %s', async (_, header, expected) => {
    const headers = { authorization: header(user.access) };
    expect((await app.get('/auth/me', { headers })).status).toBe(expected);
  });

  it('refuses two Authorization headers', async () => {
    const { port } = new URL(app.url);
    const status = await new Promise((resolve) => {
      const authorization = `Bearer ${user.access}`;
      http.get(
        {
          port,
          path: '/auth/me',
          headers: [
            'Host',
            'localhost',
            'Authorization',
            authorization,
            'Authorization',
            authorization,
          ],
        },
        (response) => resolve(response.resume().statusCode),
      );
    });
    expect(status).toBe(401);
  });

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const jwk = rsa.publicKey.export({ format: 'jwk' });
  const now = () => Math.floor(Date.now() / 1000);
  const tail = (token: string) => token.slice(0, -1);

  it.each<[string, () => string]>([
    ['no token at all', () => 'x'],
    ['two parts', () => forge(claims()).split('.').slice(0, 2).join('.')],
    ['four parts', () => `${forge(claims())}.x`],
    ['an empty signature', () => `${b64({ alg: 'HS256' })}.${b64(claims())}.`],
    ['algorithm none', () => `${b64({ alg: 'none' })}.${b64(claims())}.`],
    ['algorithm none, signed', () => forge(claims(), { alg: 'none' })],
    ['algorithm NonE', () => forge(claims(), { alg: 'NonE' })],
    ['no algorithm', () => forge(claims(), { typ: 'JWT' })],
    ['an algorithm that is a list', () => forge(claims(), { alg: ['HS256'] })],
    [
      'an algorithm that is not accepted',
      () => jsonwebtoken.sign(claims(), SECRET, { algorithm: 'HS512' }),
    ],
    [
      'the signature of a key pair',
      () => jsonwebtoken.sign(claims(), rsa.privateKey, { algorithm: 'RS256' }),
    ],
    ['a public key as the secret', () => forge(claims(), { alg: 'HS256' }, pem)],
    ['an embedded key', () => forge(claims(), { alg: 'HS256', jwk }, 'mine')],
    [
      'the URL of a key',
      () => forge(claims(), { alg: 'HS256', jku: 'http://127.0.0.1/keys' }, 'mine'),
    ],
    [
      'the URL of a certificate',
      () => forge(claims(), { alg: 'HS256', x5u: 'http://127.0.0.1/' }, 'mine'),
    ],
    [
      'a key id that is a path',
      () => forge(claims(), { alg: 'HS256', kid: '../../dev/null' }, '\0'),
    ],
    ['a key id that is SQL', () => forge(claims(), { alg: 'HS256', kid: "' OR 1=1--" }, 'mine')],
    ['another secret', () => forge(claims(), { alg: 'HS256' }, `${SECRET}!`)],
    [
      'changed claims',
      () => {
        const [header, , signature] = user.access.split('.');
        return `${header}.${b64(claims({ scope: { admin: true } }))}.${signature}`;
      },
    ],
    ['a changed signature', () => tail(user.access) + (user.access.endsWith('A') ? 'Q' : 'A')],
    [
      'another spelling of the signature',
      () => {
        const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
        return tail(user.access) + alphabet[alphabet.indexOf(user.access.at(-1)!) + 1]!;
      },
    ],
    ['padding', () => `${user.access}=`],
    ['a critical header parameter', () => forge(claims(), { alg: 'HS256', crit: ['exp'], exp: 1 })],
    ['an unencoded payload', () => forge(claims(), { alg: 'HS256', b64: false })],
    ['an unknown typ', () => forge(claims(), { alg: 'HS256', typ: 'dpop+jwt' })],
    ['the typ of a refresh token', () => forge(claims(), { alg: 'HS256', typ: 'rt+jwt' })],
    [
      'the typ of an access token on a refresh token',
      () => forge(claims({ type: 'refresh' }), { alg: 'HS256', typ: 'application/AT+JWT' }),
    ],
    ['padding after the header', () => respell(([header, ...rest]) => [`${header}==`, ...rest])],
    [
      'padding after the payload',
      () => respell(([header, payload, end]) => [header, `${payload}=`, end]),
    ],
    [
      'a character outside base64url in the header',
      () => respell(([header, ...rest]) => [`${header}*`, ...rest]),
    ],
    [
      'a character outside base64url in the payload',
      () => respell(([header, payload, end]) => [header, `${payload}~`, end]),
    ],
    [
      'an unused bit set in the header',
      () => respell(([header, ...rest]) => [nextTo(header), ...rest]),
    ],
    [
      'an unused bit set in the payload',
      () => respell(([header, payload, end]) => [header, nextTo(payload), end]),
    ],
    [
      'a superfluous character after the payload',
      () => respell(([header, payload, end]) => [header, tooLong(payload), end]),
    ],
    ['a header that is a list', () => forge(claims(), [])],
    ['a header that is null', () => forge(claims(), null)],
    ['a payload that is null', () => forge(null)],
    ['a payload that is a list', () => forge([claims()])],
    ['a payload that is a string', () => forge('"text"')],
    ['a payload that is not JSON', () => forge('{')],
    ['a claim twice', () => forge(JSON.stringify(claims()).replace('{', '{"sub":"2",'))],
    [
      'a claim twice, once escaped',
      () => forge(JSON.stringify(claims()).replace('{', '{"s\\u0075b":"2",')),
    ],
    ['a header member twice', () => forge(claims(), '{"alg":"HS256","alg":"HS256"}')],
    ['no sub', () => forge(without('sub'))],
    ['an empty sub', () => forge(claims({ sub: '' }))],
    ['a numeric sub', () => forge(claims({ sub: 1 }))],
    ['a NUL in sub', () => forge(claims({ sub: '1\0' }))],
    ['a sub that is too long', () => forge(claims({ sub: '1'.repeat(256) }))],
    ['no jti', () => forge(without('jti'))],
    ['a numeric jti', () => forge(claims({ jti: 1 }))],
    ['a numeric sid', () => forge(claims({ sid: 1 }))],
    ['a null sid', () => forge(claims({ sid: null }))],
    ['no type', () => forge(without('type'))],
    ['an unknown type', () => forge(claims({ type: 'id' }))],
    ['no iat', () => forge(without('iat'))],
    ['a textual iat', () => forge(claims({ iat: String(now()) }))],
    ['an iat in the future', () => forge(claims({ iat: now() + 60 }))],
    ['no nbf', () => forge(without('nbf'))],
    ['an nbf in the future', () => forge(claims({ nbf: now() + 60 }))],
    ['no exp', () => forge(without('exp'))],
    ['a textual exp', () => forge(claims({ exp: String(now() + 60) }))],
    ['an infinite exp', () => forge(JSON.stringify(claims()).replace(/"exp":\d+/, '"exp":1e400'))],
    ['a null exp', () => forge(claims({ exp: null }))],
    ['no fresh', () => forge(without('fresh'))],
    ['a textual fresh', () => forge(claims({ fresh: 'true' }))],
    ['no scope', () => forge(without('scope'))],
    ['a textual scope', () => forge(claims({ scope: 'admin' }))],
    ['a list as scope', () => forge(claims({ scope: ['admin'] }))],
    ['no issuer', () => forge(without('iss'))],
    ['another issuer', () => forge(claims({ iss: 'them' }))],
    ['a list as issuer', () => forge(claims({ iss: ['us'] }))],
    ['no audience', () => forge(without('aud'))],
    ['another audience', () => forge(claims({ aud: 'there' }))],
    ['an audience that is not a string', () => forge(claims({ aud: ['here', 5] }))],
    ['an empty audience', () => forge(claims({ aud: [] }))],
  ])('refuses malformed and forged tokens with the same body: %s', async (_, make) => {
    const { status, body, headers } = await me(make());
    expect([status, body]).toEqual([401, invalid]);
    expect(headers.get('www-authenticate')).toBe(challengeOf('invalid_token', 'Invalid token'));
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it.each(['here', ['here'], [], '', null, {}, 5])(
    'refuses the audience %j if no audience is configured',
    async (aud) => {
      const other = await bootApp({ JWT_ISSUER: 'us' }, { imports: [ProbeModule] });
      const get = (payload: object) => other.get('/auth/me', { token: forge(payload) });
      const { status, body } = await get(claims({ aud }));
      expect([status, body]).toEqual([401, invalid]);
      // The same token without the claim is accepted.
      expect((await get(without('aud'))).status).toBe(200);
      await other.close();
    },
  );

  it('accepts a token for several audiences', async () => {
    expect((await me(forge(claims({ aud: ['there', 'here'] })))).status).toBe(200);
  });

  it('refuses a token as soon as it has expired', async () => {
    const { access } = await app.newLogin();
    const { exp } = jsonwebtoken.decode(access) as { exp: number };
    freezeTime(exp * 1000 - 1);
    expect((await me(access)).status).toBe(200);
    freezeTime(exp * 1000);
    const { status, body, headers } = await me(access);
    expect([status, body]).toEqual([
      401,
      { statusCode: 401, code: 'token_expired', error: 'Token has expired' },
    ]);
    expect(headers.get('www-authenticate')).toBe(challengeOf('invalid_token', 'Token has expired'));
  });

  it('refuses a valid token of a session that has expired', async () => {
    const { sid, sub } = jsonwebtoken.decode(user.access) as { sid: string; sub: string };
    expect((await me(forge(claims({ sub, sid })))).status).toBe(200);
    freezeTime(Date.now() + 31 * 24 * 3600 * 1000);
    expect((await me(forge(claims({ sub, sid })))).body.code).toBe('token_revoked');
  });

  it('refuses a token of an unknown session, or of the session of another user', async () => {
    const { sid } = jsonwebtoken.decode(user.access) as { sid: string };
    for (const changes of [
      { sub: '1', sid },
      { sub: '1', sid: randomUUID() },
    ]) {
      const { status, body, headers } = await me(forge(claims(changes)));
      expect([status, body.code]).toEqual([401, 'token_revoked']);
      expect(headers.get('www-authenticate')).toBe(
        challengeOf('invalid_token', 'Token has been revoked'),
      );
    }
  });

  it('refuses a token of the other type with 422', async () => {
    for (const [method, path] of [
      ['POST', '/auth/refresh'],
      ['DELETE', '/auth/logout2'],
    ] as const) {
      const { status, body, headers } = await app.send(method, path, { token: user.access });
      expect([status, body]).toEqual([
        422,
        {
          statusCode: 422,
          code: 'wrong_token_type',
          error: 'Only refresh tokens are allowed',
        },
      ]);
      expect(headers.get('www-authenticate')).toBeNull();
    }
    const { status, body } = await me(user.refresh);
    expect([status, body]).toEqual([
      422,
      { statusCode: 422, code: 'wrong_token_type', error: 'Only access tokens are allowed' },
    ]);
  });

  describe('Token checks by the requirement of a route', () => {
    const probe = (path: string, token?: string) =>
      app.get(`/probe/${path}`, token === undefined ? {} : { token });
    const minted = (changes: Record<string, unknown>) => forge(claims(changes));

    it('requires an access token at a route without a decorator', async () => {
      expect((await probe('undecorated')).body.code).toBe('token_missing');
      expect((await probe('undecorated', user.refresh)).status).toBe(422);
      expect((await probe('undecorated', user.access)).body).toEqual({ subject: String(user.id) });
    });

    it('requires no token in a public controller, except at a handler that requires one', async () => {
      expect((await app.get('/open')).status).toBe(200);
      expect((await app.get('/open/closed')).body.code).toBe('token_missing');
    });

    it('applies the decorator of each controller to a handler that they share', async () => {
      for (let round = 0; round < 2; round++) {
        expect((await app.get('/shared-open')).status).toBe(200);
        expect((await app.get('/shared-closed')).body.code).toBe('token_missing');
      }
    });

    it('refuses a token without the required scope with 403 scope_required', async () => {
      const { status, body, headers } = await probe('scoped', user.access);
      expect([status, body]).toEqual([
        403,
        { statusCode: 403, code: 'scope_required', error: 'Missing required scope(s)' },
      ]);
      expect(headers.get('www-authenticate')).toBe(
        challengeOf('insufficient_scope', 'Missing required scope(s)'),
      );
      expect((await probe('scoped', minted({ scope: { admin: true } }))).status).toBe(200);
      expect((await probe('scoped', minted({ scope: { admin: 'true' } }))).status).toBe(403);
    });

    it('matches nested objects in a scope, and lists as subsets', async () => {
      const may = (crates: unknown) => minted({ scope: { may: { crates, more: 1 } } });
      expect((await probe('nested', may(['write', 'delete', 'read']))).status).toBe(200);
      expect((await probe('nested', may(['read']))).status).toBe(403);
      expect((await probe('nested', may('read write'))).status).toBe(403);
      expect((await probe('nested', minted({}))).status).toBe(403);
    });

    it('refuses a token without the required claim with 403 claim_required', async () => {
      const { status, body } = await probe('claimed', user.access);
      expect([status, body]).toEqual([
        403,
        { statusCode: 403, code: 'claim_required', error: 'Missing required claim(s)' },
      ]);
      expect((await probe('claimed', minted({ tenant: 'alderaan' }))).status).toBe(200);
      expect((await probe('claimed', minted({ tenant: 'hoth' }))).status).toBe(403);
    });

    it('binds a token to the parameter of the route, unless it holds the override', async () => {
      expect((await probe('bound/leia', minted({ sub: 'leia' }))).body).toEqual({ name: 'leia' });
      expect((await probe('bound/luke', minted({ sub: 'leia' }))).status).toBe(403);
      const admin = minted({ sub: 'leia', scope: { admin: true } });
      expect((await probe('bound/luke', admin)).status).toBe(200);
    });
  });
});
