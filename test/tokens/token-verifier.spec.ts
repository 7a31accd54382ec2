import { createHmac, createSecretKey } from 'node:crypto';
import jsonwebtoken from 'jsonwebtoken';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { AppConfig } from '../../src/config/app-config.js';
import { unavailable } from '../../src/errors/api-error.js';
import { type TokenKey, tokenKey } from '../../src/keys/token-key.js';
import type { TokenKeys } from '../../src/keys/token-keys.js';
import type { TokenStore } from '../../src/tokens/token-store.js';
import { partsOf, TokenVerifier, type VerifyOptions } from '../../src/tokens/token-verifier.js';

const NOW = 1_700_000_000;
const secret = Buffer.alloc(64, 'secret');
const key = tokenKey(createSecretKey(secret), 'HS256', ['HS256', 'HS384']);
const common = { sub: 'leia', jti: 'jti', iss: 'us', aud: 'here' };
const access = { ...common, type: 'access', fresh: false, scope: {} };
const refresh = { ...common, type: 'refresh' };

interface SignOptions {
  by?: Buffer;
  age?: number;
  header?: Record<string, unknown>;
}

function signed(claims: object, { by = secret, age = 0, header = {} }: SignOptions = {}): string {
  const times = { iat: NOW - age, nbf: NOW - age, exp: NOW - age + 60 };
  return jsonwebtoken.sign({ ...times, ...claims }, by, {
    header: { alg: 'HS256', kid: key.id, ...header },
  });
}

describe('TokenVerifier', () => {
  const isActive = jest.fn<TokenStore['isActive']>();
  const isOutdated = jest.fn<TokenStore['isOutdated']>();
  const find = jest.fn<TokenKeys['find']>();
  const reload = jest.fn<TokenKeys['reload']>();
  let keys: { ring: object } & Pick<TokenKeys, 'find' | 'reload'>;
  let verifier: TokenVerifier;

  const verifierWith = (env: Record<string, string>) =>
    new TokenVerifier(keys as TokenKeys, AppConfig.from(env), {
      isActive,
      isOutdated,
    } as Partial<TokenStore> as TokenStore);

  beforeEach(() => {
    jest.useFakeTimers({ now: NOW * 1000, doNotFake: ['nextTick', 'setImmediate'] });
    jest.resetAllMocks();
    isActive.mockResolvedValue(true);
    isOutdated.mockResolvedValue(false);
    find.mockImplementation((id): TokenKey | undefined => (id === key.id ? key : undefined));
    keys = { ring: {}, find, reload };
    verifier = verifierWith({ JWT_ISSUER: 'us', JWT_AUDIENCE: 'here' });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const refusalOf = async (text: string, options: VerifyOptions = {}) => {
    // In an object, because a handler that returns a promise would resolve it.
    const { thrown } = await verifier.verify(text, options).then(
      () => ({ thrown: null }),
      (error: unknown) => ({ thrown: error }),
    );
    const { code, cause } = thrown as { code?: string; cause?: unknown };
    return [code, cause instanceof Error ? cause.message : cause];
  };

  it('captures no stack trace for a token that is refused, because that takes longer than the check', async () => {
    const forged = signed(access, { by: Buffer.alloc(64, 'other') });
    const error: unknown = await verifier.verify(forged).catch((thrown: unknown) => thrown);
    const { stack, cause } = error as Error;
    expect(stack).toBe('TokenError: Token Error');
    expect((cause as Error).stack).toBe('JsonWebTokenError: invalid signature');
    expect(new Error('other').stack).toContain('token-verifier.spec.ts');
  });

  it('returns a valid, active token with its frozen header', async () => {
    const text = signed({ ...access, sid: 'sid' });
    const token = await verifier.verify(text);
    expect(token).toMatchObject({ signed: text, subject: 'leia', sessionId: 'sid' });
    expect(token.header).toEqual({ alg: 'HS256', typ: 'JWT', kid: key.id });
    expect(Object.isFrozen(token.header)).toBe(true);
    expect(isActive.mock.calls).toEqual([[token, { allowRotated: false }]]);
  });

  it('accepts each algorithm of the key, and no other', async () => {
    expect((await verifier.verify(signed(access, { header: { alg: 'HS384' } }))).algorithm).toBe(
      'HS384',
    );
    expect(await refusalOf(signed(access, { header: { alg: 'HS512' } }))).toEqual([
      'token_invalid',
      'the key does not allow the alg of the token',
    ]);
  });

  it('passes on whether a rotated refresh token is accepted', async () => {
    const token = await verifier.verify(signed(refresh), { type: 'refresh', allowRotated: true });
    expect(isActive.mock.calls).toEqual([[token, { allowRotated: true }]]);
  });

  it('refuses a token that is not active', async () => {
    isActive.mockResolvedValue(false);
    expect(await refusalOf(signed({ ...access, sid: 'sid' }))).toEqual([
      'token_revoked',
      'subject leia, session sid',
    ]);
  });

  it('refuses a token as expired if only the roles of its user have changed', async () => {
    isActive.mockResolvedValue(false);
    isOutdated.mockResolvedValue(true);
    expect(await refusalOf(signed({ ...access, sid: 'sid', rv: 3 }))).toEqual([
      'token_expired',
      'the roles have changed: subject leia, session sid',
    ]);
    expect(isOutdated.mock.calls[0]![0].roleVersion).toBe(3);
  });

  it('accepts either type by default, and refuses the wrong one without a query', async () => {
    expect((await verifier.verify(signed(refresh))).type).toBe('refresh');
    expect((await verifier.verify(signed(access))).type).toBe('access');
    isActive.mockClear();
    const refused = ['wrong_token_type', 'subject leia'];
    expect(await refusalOf(signed(refresh), { type: 'access' })).toEqual(refused);
    expect(await refusalOf(signed(access), { type: 'refresh' })).toEqual(refused);
    expect(isActive).not.toHaveBeenCalled();
  });

  it('accepts a typ that fits the type of the token, and refuses that of the other type', async () => {
    const typed = (claims: object, typ: string) => signed(claims, { header: { typ } });
    for (const text of [typed(refresh, 'rt+jwt'), typed(access, 'at+jwt'), typed(access, 'JWT')]) {
      await verifier.verify(text);
    }
    expect(await refusalOf(typed(refresh, 'at+jwt'))).toEqual([
      'token_invalid',
      'typ is not that of a token of type refresh',
    ]);
    expect(await refusalOf(typed(access, 'rt+jwt'))).toEqual([
      'token_invalid',
      'typ is not that of a token of type access',
    ]);
  });

  it.each([
    ['another secret', () => signed(access, { by: Buffer.alloc(32, 'x') }), 'invalid signature'],
    [
      'another issuer',
      () => signed({ ...access, iss: 'them' }),
      'jwt issuer invalid. expected: us',
    ],
    [
      'another audience',
      () => signed({ ...access, aud: 'there' }),
      'jwt audience invalid. expected: here',
    ],
    ['one part only', () => 'x', 'the token does not have three parts'],
    [
      'an unknown kid',
      () => signed(access, { header: { kid: 'other' } }),
      'no key has the kid of the token',
    ],
    [
      'an unsupported header parameter',
      () => signed(access, { header: { crit: ['b64'] } }),
      'crit is not supported',
    ],
    ['an invalid claim', () => signed({ ...access, sub: '' }), 'sub is missing or ill-typed'],
    ['an nbf in the future', () => signed({ ...access, nbf: NOW + 30 }), 'nbf is in the future'],
    [
      'a signature that is not canonical base64url',
      () => `${signed(access)}=`,
      'a part is not canonical base64url',
    ],
    ['a payload that is not JSON', () => signed(access).replace(/\.[^.]+\./, '.AA.'), /JSON/],
  ])('refuses a token with %s', async (_, text, reason) => {
    const [code, cause] = await refusalOf(text());
    expect(code).toBe('token_invalid');
    expect(cause).toMatch(reason);
    expect(isActive).not.toHaveBeenCalled();
  });

  it('refuses a payload that names a member twice', async () => {
    const [header] = signed(access).split('.');
    const twice = JSON.stringify({ ...access, iat: NOW, nbf: NOW, exp: NOW + 60 });
    const payload = Buffer.from(twice.replace('{', '{"sub":"luke",')).toString('base64url');
    const signature = createHmac('sha256', secret).update(`${header}.${payload}`);
    const text = `${header}.${payload}.${signature.digest('base64url')}`;
    expect(await refusalOf(text)).toEqual(['token_invalid', 'a member is named twice']);
  });

  it('refuses a token whose algorithm is none', async () => {
    const [header, payload] = signed(access).split('.');
    const none = JSON.stringify({ alg: 'none', kid: key.id });
    expect(header).not.toBe('');
    const text = `${Buffer.from(none).toString('base64url')}.${payload}.AA`;
    expect(await refusalOf(text)).toEqual([
      'token_invalid',
      'the key does not allow the alg of the token',
    ]);
  });

  it('reports that a token has expired', async () => {
    expect(await refusalOf(signed(access, { age: 60 }))).toEqual(['token_expired', 'jwt expired']);
    expect(await verifier.verify(signed(access, { age: 59 }))).toMatchObject({ subject: 'leia' });
  });

  it('checks no issuer unless one is configured', async () => {
    verifier = verifierWith({});
    const { aud: _, ...claims } = access;
    expect(await verifier.verify(signed({ ...claims, iss: 'them' }))).toMatchObject({
      issuer: 'them',
    });
  });

  it('rethrows an error of the database', async () => {
    isActive.mockRejectedValue(new Error('no database'));
    await expect(verifier.verify(signed(access))).rejects.toThrow('no database');
  });

  it('looks up the key of a header once, until the keys change', async () => {
    const text = signed(access);
    for (let i = 0; i < 3; i++) await verifier.verify(text);
    expect(find).toHaveBeenCalledTimes(1);
    expect(find).toHaveBeenCalledWith(key.id);
    keys.ring = {};
    for (let i = 0; i < 2; i++) await verifier.verify(text);
    expect(find).toHaveBeenCalledTimes(2);
    find.mockReturnValue(undefined);
    await verifier.verify(text);
    keys.ring = {};
    for (let i = 0; i < 2; i++) {
      expect(await refusalOf(text)).toEqual(['token_invalid', 'no key has the kid of the token']);
    }
  });

  it('loads changed keys once for an unknown kid, and accepts a token of a new key', async () => {
    find.mockReturnValue(undefined);
    reload.mockImplementation(async () => {
      keys.ring = {};
      find.mockReturnValue(key);
    });
    expect(await verifier.verify(signed(access))).toMatchObject({ subject: 'leia' });
    expect(await verifier.verify(signed(access))).toMatchObject({ subject: 'leia' });
    expect(reload).toHaveBeenCalledTimes(1);
  });

  it('does not load keys for a token of a known key', async () => {
    await verifier.verify(signed(access));
    await refusalOf(signed(access, { by: Buffer.alloc(32, 'x') }));
    await refusalOf(signed(access, { header: { kid: 'other', crv: 1, crit: ['b64'] } }));
    expect(reload).not.toHaveBeenCalled();
  });

  it('does not refuse a token as invalid if the keys cannot be loaded', async () => {
    find.mockReturnValue(undefined);
    reload.mockRejectedValue(unavailable('no database'));
    expect(await refusalOf(signed(access))).toEqual(['service_unavailable', 'no database']);
  });

  it('caches at most 64 headers', async () => {
    const verify = (n: number, jti = 'a') =>
      verifier.verify(signed({ ...access, jti }, { header: { n } }));
    for (let n = 0; n < 63; n++) await verify(n);
    for (let n = 0; n < 63; n++) await verify(n, 'b');
    expect(find).toHaveBeenCalledTimes(63);
    await verify(63);
    expect(find).toHaveBeenCalledTimes(64);
    await verify(0, 'c');
    expect(find).toHaveBeenCalledTimes(65);
  });

  describe('a token that was verified before', () => {
    let check: jest.SpiedFunction<typeof jsonwebtoken.verify>;

    beforeEach(() => {
      check = jest.spyOn(jsonwebtoken, 'verify');
    });
    afterEach(() => check.mockRestore());

    it('is verified once, until the keys change, but must be active each time', async () => {
      const text = signed({ ...access, scope: { ships: ['x'] } });
      const first = await verifier.verify(text);
      expect(await verifier.verify(text)).toBe(first);
      expect(check).toHaveBeenCalledTimes(1);
      keys.ring = {};
      await verifier.verify(text);
      expect(check).toHaveBeenCalledTimes(2);
      isActive.mockResolvedValue(false);
      expect(await refusalOf(text)).toMatchObject(['token_revoked', expect.anything()]);
      expect(check).toHaveBeenCalledTimes(2);
    });

    it('is refused if only its signature differs', async () => {
      const text = signed(access);
      await verifier.verify(text);
      const forged = signed(access, { by: Buffer.alloc(32, 'x') });
      expect(forged.slice(0, forged.lastIndexOf('.'))).toBe(text.slice(0, text.lastIndexOf('.')));
      expect(await refusalOf(forged)).toEqual(['token_invalid', 'invalid signature']);
    });

    it('is refused when it has expired, and when the clock is set back before its nbf', async () => {
      const text = signed(access);
      await verifier.verify(text);
      jest.setSystemTime((NOW + 3600) * 1000);
      expect(await refusalOf(text)).toEqual(['token_expired', 'jwt expired']);
      jest.setSystemTime((NOW - 3600) * 1000);
      expect(await refusalOf(text)).toEqual(['token_invalid', 'iat is in the future']);
      jest.setSystemTime(NOW * 1000);
      expect((await verifier.verify(text)).signed).toBe(text);
    });

    it('must be of the required type each time', async () => {
      const text = signed(access);
      await verifier.verify(text, { type: 'access' });
      expect(await refusalOf(text, { type: 'refresh' })).toEqual([
        'wrong_token_type',
        'subject leia',
      ]);
    });

    it('cannot be changed by the handler of another request', async () => {
      const { claims } = await verifier.verify(signed({ ...access, scope: { ships: ['x'] } }));
      const { scope } = claims as unknown as { scope: { ships: string[] } };
      expect(() => scope.ships.push('y')).toThrow(TypeError);
      expect(() => Object.assign(claims, { sub: '1' })).toThrow(TypeError);
    });
  });
});

describe('partsOf', () => {
  it('returns three parts, none of which is empty', () => {
    expect(partsOf('a.b.c')).toEqual(['a', 'b', 'c']);
  });

  it.each(['', 'a', 'a.b', 'a.b.c.d', '.b.c', 'a..c', 'a.b.', '...', null, 1, ['a', 'b', 'c']])(
    'refuses the token %j',
    (text) => {
      expect(() => partsOf(text as string)).toThrow(
        expect.objectContaining({ code: 'token_invalid' }),
      );
    },
  );
});
