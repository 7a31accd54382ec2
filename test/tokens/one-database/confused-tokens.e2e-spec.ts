import {
  createHmac,
  createPublicKey,
  createSign,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
} from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import jsonwebtoken from 'jsonwebtoken';
import type { JwtAlgorithm } from '../../../src/config/jwt-algorithms.js';
import { keyCommands } from '../../support/key-commands.js';
import { keyPairFor, pemOf, settingsFor } from '../../support/key-material.js';
import { bootApp, type TestApp } from '../../support/test-app.js';

const invalid = { statusCode: 401, code: 'token_invalid', error: 'Invalid token' };

const b64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function claims(changes: object = {}): object {
  const now = Math.floor(Date.now() / 1000);
  const times = { iat: now, nbf: now, exp: now + 900 };
  return {
    ...{ sub: '1', jti: randomUUID(), type: 'access', fresh: true, scope: { admin: true } },
    ...times,
    ...changes,
  };
}

/** A token with any header, signed by HMAC with the secret. */
function hmac(header: object, secret: string | Buffer, hash = 'sha256'): string {
  const input = `${b64(header)}.${b64(claims())}`;
  return `${input}.${createHmac(hash, secret).update(input).digest('base64url')}`;
}

/** A token with any header, signed with a private key. */
function signed(header: object, key: KeyObject, changes: object = {}, hash = 'sha256'): string {
  const input = `${b64(header)}.${b64(claims(changes))}`;
  const signature = createSign(hash).update(input).sign({ key, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

describe.each<[JwtAlgorithm, JwtAlgorithm]>([
  ['RS256', 'RS512'],
  ['ES256', 'ES384'],
])('Tokens signed with %s', (algorithm, otherAlgorithm) => {
  const { privateKey, publicKey } = keyPairFor(algorithm);
  const mine =
    algorithm === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = mine.publicKey.export({ format: 'jwk' });
  let app: TestApp;
  let kid: string;

  beforeAll(async () => {
    app = await bootApp(settingsFor(algorithm));
    const { access } = await app.login({ name: 'user', password: 'password' });
    kid = jsonwebtoken.decode(access, { complete: true })!.header.kid!;
  });
  afterAll(() => app.close());

  const me = (token: string) => app.get('/auth/me', { token });
  const header = (changes: object = {}) => ({ alg: algorithm, typ: 'JWT', kid, ...changes });

  it('accepts a token of another service with the same key pair, with or without its kid', async () => {
    expect((await me(signed(header(), privateKey))).status).toBe(200);
    expect((await me(signed({ alg: algorithm }, privateKey))).status).toBe(200);
  });

  it.each(['at+jwt', 'AT+JWT', 'application/at+jwt', 'jwt', 'application/JWT', undefined])(
    'accepts an access token of typ %j',
    async (typ) => {
      expect((await me(signed(header({ typ }), privateKey))).status).toBe(200);
    },
  );

  it('refuses a refresh token with the typ of an access token at every route', async () => {
    const refresh = { type: 'refresh' };
    const mismatched = signed(header({ typ: 'at+jwt' }), privateKey, refresh);
    expect((await me(mismatched)).body).toEqual(invalid);
    const sent = (typ: string) =>
      app.send('POST', '/auth/refresh', { token: signed(header({ typ }), privateKey, refresh) });
    expect((await sent('at+jwt')).body).toEqual(invalid);
    expect((await sent('application/at+jwt')).body).toEqual(invalid);
    for (const typ of ['rt+jwt', 'RT+JWT', 'JWT']) expect((await sent(typ)).status).toBe(200);
  });

  it.each<[string, () => string]>([
    ...['none', 'None', 'NONE', 'nOnE', ''].map((alg): [string, () => string] => [
      `algorithm "${alg}" without a signature`,
      () => `${b64(header({ alg }))}.${b64(claims())}.`,
    ]),
    ['algorithm none with a signature', () => signed(header({ alg: 'none' }), privateKey)],
    ['HS256 with the public key’s PEM', () => hmac(header({ alg: 'HS256' }), pemOf(publicKey))],
    [
      'HS256 with the public key’s PEM without its final newline',
      () => hmac(header({ alg: 'HS256' }), pemOf(publicKey).trim()),
    ],
    [
      'HS256 with the public key’s bytes',
      () => hmac(header({ alg: 'HS256' }), publicKey.export({ type: 'spki', format: 'der' })),
    ],
    [
      'HS256 with the public key’s JWK',
      () => hmac(header({ alg: 'HS256' }), JSON.stringify(publicKey.export({ format: 'jwk' }))),
    ],
    ['HS256 with the public key, without a kid', () => hmac({ alg: 'HS256' }, pemOf(publicKey))],
    ['HS512 with the public key', () => hmac(header({ alg: 'HS512' }), pemOf(publicKey), 'sha512')],
    ['HS256 with an empty secret', () => hmac(header({ alg: 'HS256' }), '')],
    [
      'an algorithm that is not accepted, by the right key',
      () => signed(header({ alg: otherAlgorithm }), privateKey, {}, 'sha512'),
    ],
    ['an algorithm that does not exist', () => signed(header({ alg: 'PS256' }), privateKey)],
    ['another key', () => signed(header(), mine.privateKey)],
    ['another key, embedded', () => signed(header({ jwk }), mine.privateKey)],
    [
      'another key, embedded, without a kid',
      () => signed({ alg: algorithm, jwk }, mine.privateKey),
    ],
    [
      'the right key, embedded',
      () => signed(header({ jwk: publicKey.export({ format: 'jwk' }) }), privateKey),
    ],
    ['jku', () => signed(header({ jku: `${app.url}/.well-known/jwks.json` }), mine.privateKey)],
    ['jku, by the right key', () => signed(header({ jku: app.url }), privateKey)],
    ['x5u', () => signed(header({ x5u: 'https://127.0.0.1/cert' }), mine.privateKey)],
    ['x5u, by the right key', () => signed(header({ x5u: app.url }), privateKey)],
    [
      'x5c',
      () =>
        signed(
          header({
            x5c: [mine.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')],
          }),
          mine.privateKey,
        ),
    ],
    ['a kid that is a path', () => hmac(header({ alg: 'HS256', kid: '../../../../dev/null' }), '')],
    [
      'a kid that is a path, by the right key',
      () => signed(header({ kid: '/dev/null' }), privateKey),
    ],
    [
      'a kid that is SQL',
      () => hmac(header({ alg: 'HS256', kid: "x' UNION SELECT 'mine" }), 'mine'),
    ],
    [
      'a kid that is SQL, by the right key',
      () => signed(header({ kid: "' OR 1=1--" }), privateKey),
    ],
    ['the kid __proto__', () => signed(header({ kid: '__proto__' }), privateKey)],
    ['a kid that is a number', () => signed(header({ kid: 0 }), privateKey)],
    ['a kid that is null', () => signed(header({ kid: null }), privateKey)],
    ['a kid that is a list', () => signed(header({ kid: [kid] }), privateKey)],
    ['crit', () => signed(header({ crit: ['exp'] }), privateKey)],
    ['an empty crit', () => signed(header({ crit: [] }), privateKey)],
    ['b64', () => signed(header({ b64: false, crit: ['b64'] }), privateKey)],
    ['b64 true', () => signed(header({ b64: true }), privateKey)],
    ['the typ of a refresh token', () => signed(header({ typ: 'rt+jwt' }), privateKey)],
    [
      'the typ of a refresh token, with its prefix and in another case',
      () => signed(header({ typ: 'Application/RT+JWT' }), privateKey),
    ],
    ['a typ that is a list', () => signed(header({ typ: ['at+jwt'] }), privateKey)],
    ['an empty typ', () => signed(header({ typ: '' }), privateKey)],
    ['another typ', () => signed(header({ typ: 'secevent+jwt' }), privateKey)],
    ['x5c, by the right key', () => signed(header({ x5c: [] }), privateKey)],
    ['a session that is a number', () => signed(header(), privateKey, { sid: 1 })],
    ['a csrf that is a number', () => signed(header(), privateKey, { csrf: 1 })],
    ['an empty csrf', () => signed(header(), privateKey, { csrf: '' })],
    ['an exp beyond the range of dates', () => signed(header(), privateKey, { exp: 8.9e12 })],
    [
      'another spelling of the signature',
      () => {
        const token = signed(header(), privateKey);
        const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
        return token.slice(0, -1) + alphabet[alphabet.indexOf(token.at(-1)!) + 1]!;
      },
    ],
    [
      'a claim twice, in a payload of unchanged length',
      () => {
        const once = JSON.stringify(claims({ pad: 1 })).replace('"pad":1', '"sub":"1","pad":1e27');
        const input = `${b64(header())}.${Buffer.from(once).toString('base64url')}`;
        const signature = createSign('sha256').update(input);
        const bytes = signature.sign({ key: privateKey, dsaEncoding: 'ieee-p1363' });
        return `${input}.${bytes.toString('base64url')}`;
      },
    ],
  ])('refuses a forged or malformed token with the same body: %s', async (_, make) => {
    const { status, body, headers } = await me(make());
    expect([status, body]).toEqual([401, invalid]);
    expect(headers.get('www-authenticate')).toBe(
      'Bearer realm="api", error="invalid_token", error_description="Invalid token"',
    );
  });

  it('refuses a token of the other type with wrong_token_type', async () => {
    const refresh = signed(header(), privateKey, { type: 'refresh' });
    expect((await me(refresh)).body.code).toBe('wrong_token_type');
    const { body } = await app.send('POST', '/auth/refresh', {
      token: signed(header(), privateKey),
    });
    expect(body.code).toBe('wrong_token_type');
  });
});

describe('A secret and key pairs together', () => {
  const secret = 'a secret that both of them know, which is long enough for HS256';
  let app: TestApp;
  let kids: { hs: string; rs: string; es: string };

  beforeAll(async () => {
    app = await bootApp({ JWT_SECRET_KEY: secret });
    const { access } = await app.login({ name: 'user', password: 'password' });
    const { add } = keyCommands(app.config.jwt);
    const hs = jsonwebtoken.decode(access, { complete: true })!.header.kid!;
    kids = { hs, rs: await add('RS256'), es: await add('ES256') };
  });
  afterAll(() => app.close());

  const me = async (token: string) => {
    const { status, body } = await app.get('/auth/me', { token });
    return status === 200 ? 200 : body;
  };
  const publicKey = async (kid: string): Promise<KeyObject> => {
    const { body } = await app.get<{ keys: { kid: string }[] }>('/.well-known/jwks.json');
    return createPublicKey({ key: body.keys.find((key) => key.kid === kid)!, format: 'jwk' });
  };

  it('accepts each key with its own algorithm only', async () => {
    const { rs, es, hs } = kids;
    expect(await me(hmac({ alg: 'HS256', kid: hs }, secret))).toBe(200);
    for (const kid of [rs, es]) {
      const pem = pemOf(await publicKey(kid));
      expect(await me(hmac({ alg: 'HS256', kid }, pem))).toEqual(invalid);
      expect(await me(hmac({ alg: 'HS256', kid }, secret))).toEqual(invalid);
      expect(await me(hmac({ alg: 'RS256', kid: hs }, secret))).toEqual(invalid);
      expect(await me(hmac({ alg: 'HS256' }, pem))).toEqual(invalid);
    }
    expect(await me(hmac({ alg: 'HS512', kid: hs }, secret, 'sha512'))).toEqual(invalid);
  });

  it('verifies a token without a kid with the configured key, until that is retired', async () => {
    const { hs, es } = kids;
    expect(await me(hmac({ alg: 'HS256' }, secret))).toBe(200);
    await keyCommands(app.config.jwt).use(es);
    for (let signing = hs; signing !== es;) {
      const { access } = await app.login({ name: 'user', password: 'password' });
      signing = jsonwebtoken.decode(access, { complete: true })!.header.kid!;
    }
    expect(await me(hmac({ alg: 'HS256' }, secret))).toBe(200);
    await keyCommands(app.config.jwt).retire(hs);
    while ((await me(hmac({ alg: 'HS256', kid: hs }, secret))) === 200);
    expect(await me(hmac({ alg: 'HS256' }, secret))).toEqual(invalid);
  });
});
