import { createSecretKey } from 'node:crypto';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { AppConfig } from '../../src/config/app-config.js';
import { JWT_ALGORITHMS } from '../../src/config/jwt-algorithms.js';
import { type TokenKey, tokenKey } from '../../src/keys/token-key.js';
import type { TokenKeys } from '../../src/keys/token-keys.js';
import { partsOf, TokenVerifier } from '../../src/tokens/token-verifier.js';

const key = tokenKey(createSecretKey(Buffer.alloc(32, 1)), 'HS256', ['HS256', 'HS384']);
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const signedWith = (header: object, signature = 'AA') =>
  `${part(header)}.${part({ sub: 'leia' })}.${signature}`;

describe('A token verifier', () => {
  let find: jest.Mock<TokenKeys['find']>;
  let keys: { ring: object; find: TokenKeys['find'] };
  let verifier: TokenVerifier;

  beforeEach(() => {
    find = jest.fn((id: string | undefined): TokenKey | undefined =>
      id === undefined || id === key.id ? key : undefined,
    );
    keys = { ring: {}, find };
    verifier = new TokenVerifier(keys as TokenKeys, AppConfig.from({}));
  });

  const open = (signed: string) => {
    const presented = { signed, spent: false };
    return { key: verifier.open(presented), presented };
  };
  const codeOf = (signed: string) => {
    try {
      open(signed);
      return null;
    } catch (error) {
      return (error as { code: string }).code;
    }
  };

  it('finds the key by the kid, and keeps a frozen header', () => {
    const header = { alg: 'HS256', kid: key.id };
    const opened = open(signedWith(header));
    expect(opened.key).toBe(key.verifying);
    expect(opened.presented).toMatchObject({ header });
    expect(Object.isFrozen((opened.presented as { header?: object }).header)).toBe(true);
    expect(find).toHaveBeenCalledWith(key.id);
  });

  it.each([
    ['an unknown kid', signedWith({ alg: 'HS256', kid: 'other' })],
    ['an algorithm that is not the key’s', signedWith({ alg: 'HS512' })],
    ['no signature algorithm', signedWith({ alg: 'none' })],
    ['no alg', signedWith({ kid: key.id })],
    ['a header that is refused', signedWith({ alg: 'HS256', crit: ['b64'] })],
    ['a signature that is spelled in another way', signedWith({ alg: 'HS256' }, 'AB')],
    ['a signature that is no base64url', signedWith({ alg: 'HS256' }, 'A=')],
    ['a payload that is no JSON', `${part({ alg: 'HS256' })}.x.AA`],
  ])('refuses %s', (_, signed) => {
    expect(codeOf(signed)).toBe('token_invalid');
    expect(codeOf(signed)).toBe('token_invalid');
  });

  it('looks a header up once, until the keys change', () => {
    const signed = signedWith({ alg: 'HS384' });
    for (let i = 0; i < 3; i++) open(signed);
    expect(find).toHaveBeenCalledTimes(1);
    keys.ring = {};
    open(signed);
    open(signed);
    expect(find).toHaveBeenCalledTimes(2);
    find.mockReturnValue(undefined);
    expect(codeOf(signed)).toBeNull();
    keys.ring = {};
    expect(codeOf(signed)).toBe('token_invalid');
  });

  it('keeps at most 64 headers', () => {
    const header = (n: number) => signedWith({ alg: 'HS256', n });
    for (let n = 0; n < 63; n++) open(header(n));
    for (let n = 0; n < 63; n++) open(header(n));
    expect(find).toHaveBeenCalledTimes(63);
    open(header(63));
    expect(find).toHaveBeenCalledTimes(64);
    open(header(0));
    expect(find).toHaveBeenCalledTimes(65);
  });

  it('lets jsonwebtoken accept the known algorithms alone, and check what is set', () => {
    const common = { algorithms: [...JWT_ALGORITHMS], ignoreNotBefore: true };
    expect(verifier.options).toStrictEqual(common);
    const env = { JWT_ISSUER: 'issuer', JWT_AUDIENCE: 'audience' };
    const { options } = new TokenVerifier(keys as TokenKeys, AppConfig.from(env));
    expect(options).toStrictEqual({ ...common, issuer: 'issuer', audience: 'audience' });
  });

  it('accepts good claims of the type that is due, of a token that was opened', () => {
    const header = { alg: 'HS256' } as const;
    const now = Math.floor(Date.now() / 1000);
    const claims = { sub: 'a', jti: 'b', iat: now, nbf: now, exp: now + 60, type: 'refresh' };
    const presented = { signed: 'a.b.c', spent: false, header };
    const accept = (...[given, type]: [object, 'access' | 'refresh']) =>
      verifier.accept(given as typeof presented, claims, type);
    const token = accept(presented, 'refresh');
    expect([token.signed, token.header, token.claims]).toEqual(['a.b.c', header, claims]);
    const refused = (code: string) => expect.objectContaining({ code }) as unknown as Error;
    expect(() => accept(presented, 'access')).toThrow(refused('wrong_token_type'));
    expect(() => accept({ ...presented, header: undefined }, 'refresh')).toThrow(
      refused('token_invalid'),
    );
    const typed = (typ: string) => ({ ...presented, header: { ...header, typ } });
    expect(accept(typed('rt+jwt'), 'refresh').header).toMatchObject({ typ: 'rt+jwt' });
    expect(() => accept(typed('at+jwt'), 'refresh')).toThrow(refused('token_invalid'));
    claims.exp = now;
    expect(() => accept(presented, 'refresh')).toThrow(refused('token_invalid'));
  });
});

describe('partsOf', () => {
  it('gives three parts, none of which is empty', () => {
    expect(partsOf('a.b.c')).toEqual(['a', 'b', 'c']);
  });

  it.each(['', 'a', 'a.b', 'a.b.c.d', '.b.c', 'a..c', 'a.b.', '...', null, 1, ['a', 'b', 'c']])(
    'refuses %j',
    (signed) => {
      expect(() => partsOf(signed as string)).toThrow(
        expect.objectContaining({ code: 'token_invalid' }),
      );
    },
  );
});
