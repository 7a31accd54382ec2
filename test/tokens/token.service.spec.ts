import { createSecretKey } from 'node:crypto';
import { JwtService } from '@nestjs/jwt';
import jsonwebtoken from 'jsonwebtoken';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { AppConfig } from '../../src/config/app-config.js';
import { tokenKey } from '../../src/keys/token-key.js';
import type { TokenKeys } from '../../src/keys/token-keys.js';
import type { TokenHookRunner } from '../../src/tokens/token-hooks.js';
import { type AccessTokenOptions, TokenService } from '../../src/tokens/token.service.js';
import type { TokenStore } from '../../src/tokens/token-store.js';
import type { TokenVerifier } from '../../src/tokens/token-verifier.js';
import { type Claims, Token } from '../../src/tokens/token.js';

const SECONDS = 1_700_000_000;
const keyOf = (fill: string) =>
  tokenKey(createSecretKey(Buffer.alloc(64, fill)), fill === 'a' ? 'HS256' : 'HS384');
const key = keyOf('a');
const uuid = expect.stringMatching(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/) as unknown as string;

describe('TokenService', () => {
  const addClaims = jest.fn<TokenHookRunner['addClaims']>();
  const addScope = jest.fn<TokenHookRunner['addScope']>();
  const issued = jest.fn<TokenHookRunner['issued']>();
  const revoke = jest.fn<TokenStore['revoke']>();
  const verify = jest.fn<TokenVerifier['verify']>();
  const keys = { ring: { signing: key } };

  const serviceWith = (env: Record<string, string> = {}) =>
    new TokenService(
      new JwtService({}),
      keys as unknown as TokenKeys,
      { addClaims, addScope, issued } as unknown as TokenHookRunner,
      { verify } as Partial<TokenVerifier> as TokenVerifier,
      { revoke } as Partial<TokenStore> as TokenStore,
      AppConfig.from({ JWT_ACCESS_TOKEN_EXPIRES: '15m', JWT_REFRESH_TOKEN_EXPIRES: '30d', ...env }),
    );
  let tokens: TokenService;

  beforeEach(() => {
    jest.resetAllMocks();
    jest.useFakeTimers({ now: SECONDS * 1000 + 400 });
    addClaims.mockResolvedValue({});
    addScope.mockResolvedValue({});
    issued.mockResolvedValue();
    keys.ring = { signing: key };
    tokens = serviceWith();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const times = (lifetime: number) => ({ iat: SECONDS, nbf: SECONDS, exp: SECONDS + lifetime });
  const refused = (code: string) => expect.objectContaining({ code }) as unknown;

  describe('createAccessToken', () => {
    it('issues a token for the subject, signed with the current key', async () => {
      const token = await tokens.createAccessToken('leia');
      const claims = { sub: 'leia', jti: uuid, type: 'access', ...times(900) };
      expect(token.claims).toEqual({ ...claims, fresh: false, scope: {} });
      expect(token.header).toEqual({ alg: 'HS256', typ: 'at+jwt', kid: key.id });
      const verified = jsonwebtoken.verify(token.signed, Buffer.alloc(64, 'a'), { complete: true });
      expect(verified).toMatchObject({ header: token.header, payload: token.claims });
    });

    it('applies the options to the claims', async () => {
      const token = await tokens.createAccessToken('leia', {
        ...{ fresh: true, scope: { admin: true }, expiresIn: 60, sessionId: 'sid' },
        ...{
          claims: { at: new Date(0), nothing: undefined },
          issuedAt: (SECONDS - 7) * 1000 + 999,
        },
      });
      const [iat, exp] = [SECONDS - 7, SECONDS + 53];
      expect(token.claims).toEqual({
        ...{ sub: 'leia', jti: uuid, type: 'access', sid: 'sid', iat, nbf: iat, exp },
        ...{ fresh: true, scope: { admin: true }, at: '1970-01-01T00:00:00.000Z' },
      });
      expect(Object.keys(token.claims)).not.toContain('nothing');
    });

    it('has the role version of the user only if it is given', async () => {
      const { claims } = await tokens.createAccessToken('7', { roleVersion: 0 });
      expect(claims.rv).toBe(0);
      expect('rv' in (await tokens.createAccessToken('7')).claims).toBe(false);
    });

    it.each([null, 'admin', ['admin']])('refuses %j as its scope', async (scope) => {
      await expect(tokens.createAccessToken('7', { scope: scope as never })).rejects.toThrow(
        TypeError,
      );
    });

    it('sets the issuer and the audience of the settings', async () => {
      const token = await serviceWith({
        ...{ JWT_ISSUER: 'us', JWT_AUDIENCE: 'here' },
      }).createAccessToken('leia');
      expect(token.claims).toMatchObject({ iss: 'us', aud: 'here' });
    });

    it('sets a different id in each token', async () => {
      const [one, other] = [
        await tokens.createAccessToken('a'),
        await tokens.createAccessToken('a'),
      ];
      expect(one.id).not.toBe(other.id);
    });

    it('limits a token to the end of its session, in whole seconds', async () => {
      const ending = (notAfter: number) =>
        tokens.createAccessToken('leia', { notAfter }).then(({ claims }) => claims.exp);
      expect(await ending((SECONDS + 5) * 1000 + 999)).toBe(SECONDS + 5);
      expect(await ending((SECONDS + 5000) * 1000)).toBe(SECONDS + 900);
      expect(await ending((SECONDS + 1) * 1000)).toBe(SECONDS + 1);
      await expect(ending(SECONDS * 1000 + 999)).rejects.toEqual(refused('token_expired'));
    });

    it('sets a new CSRF value in each token if it is requested', async () => {
      const csrfOf = async (options: AccessTokenOptions) =>
        (await tokens.createAccessToken('leia', options)).claims.csrf;
      // 22 characters hold 128 bits.
      expect(await csrfOf({ csrf: true })).toMatch(/^[\w-]{22}$/);
      expect(await csrfOf({ csrf: true })).not.toBe(await csrfOf({ csrf: true }));
      expect(await csrfOf({ csrf: false })).toBeUndefined();
    });
  });

  it('issues a refresh token without scope and freshness', async () => {
    const options: AccessTokenOptions = { sessionId: 'sid', fresh: true, scope: { admin: true } };
    const token = await tokens.createRefreshToken('leia', options);
    expect(token.claims).toEqual({
      ...{ sub: 'leia', jti: uuid, type: 'refresh', sid: 'sid', ...times(30 * 86_400) },
    });
    expect(token.header).toEqual({ alg: 'HS256', typ: 'rt+jwt', kid: key.id });
    for (const expiresIn of [1, 60]) {
      expect((await tokens.createRefreshToken('leia', { expiresIn })).maxAge).toBe(expiresIn);
    }
  });

  describe('Refusals to issue a token', () => {
    it.each([0, -1, 1.5, NaN, Infinity, 2 ** 53])(
      'refuses a lifetime of %p seconds',
      async (expiresIn) => {
        await expect(tokens.createAccessToken('leia', { expiresIn })).rejects.toThrow(
          new RangeError('expiresIn must be a whole number of seconds, at least 1.'),
        );
      },
    );

    it('refuses to issue a token that would not verify', async () => {
      await expect(tokens.createAccessToken('')).rejects.toThrow(
        new TypeError('The token cannot be issued: sub is missing or ill-typed.'),
      );
      const long = { expiresIn: Number.MAX_SAFE_INTEGER };
      await expect(tokens.createAccessToken('leia', long)).rejects.toBeInstanceOf(TypeError);
      expect(issued).not.toHaveBeenCalled();
    });

    it('refuses another value of a registered claim', async () => {
      const claims = { sub: 'luke' };
      const made = tokens.createAccessToken('leia', { claims });
      await expect(made).rejects.toThrow('"sub" cannot be overwritten');
    });

    it('issues no token if a hook throws', async () => {
      issued.mockRejectedValue(new Error('no'));
      await expect(tokens.createAccessToken('leia')).rejects.toThrow('no');
      addClaims.mockRejectedValue(new Error('no claims'));
      await expect(tokens.createAccessToken('leia')).rejects.toThrow('no claims');
    });
  });

  it('adds entries of hooks to the scope of access tokens', async () => {
    addScope.mockImplementation(async (draft) => {
      expect(draft().claims.scope).toEqual({ admin: true });
      return { books: ['lend'] };
    });
    const { scope } = await tokens.createAccessToken('leia', { scope: { admin: true } });
    expect(scope).toEqual({ admin: true, books: ['lend'] });
    expect((await tokens.createRefreshToken('leia')).claims.scope).toBeUndefined();
    expect(addScope).toHaveBeenCalledTimes(1);
  });

  it('adds the claims of hooks, which see an unsigned draft and then the token', async () => {
    addClaims.mockImplementation((draft) => {
      const token = draft();
      expect([token.signed, token.header, token.subject]).toEqual(['', { alg: 'HS256' }, 'leia']);
      (token.claims as Claims).sub = 'changed';
      expect(draft().subject).toBe('leia');
      return Promise.resolve({ planet: 'alderaan' });
    });
    const token = await tokens.createAccessToken('leia');
    expect(token.claims).toMatchObject({ sub: 'leia', planet: 'alderaan' });
    expect(issued.mock.calls).toEqual([[token]]);
  });

  it('signs with the key that is current after the hooks', async () => {
    const next = keyOf('b');
    addClaims.mockImplementation(() => {
      keys.ring = { signing: next };
      return Promise.resolve({});
    });
    const token = await tokens.createAccessToken('leia');
    expect(token.header).toEqual({ alg: 'HS384', typ: 'at+jwt', kid: next.id });
    const verified = jsonwebtoken.verify(token.signed, Buffer.alloc(64, 'b'), { complete: true });
    expect(verified.header).toEqual(token.header);
  });

  it('verifies a token through the verifier', async () => {
    const verified = new Token('signed', { alg: 'HS256' }, {} as Claims);
    verify.mockResolvedValue(verified);
    const options = { type: 'refresh', allowRotated: true } as const;
    expect(await tokens.verify('signed', options)).toBe(verified);
    await tokens.verify('signed');
    expect(verify.mock.calls).toEqual([
      ['signed', options],
      ['signed', {}],
    ]);
  });

  it('decodes a token without verifying it', async () => {
    const { signed, header, claims } = await tokens.createAccessToken('leia');
    expect(tokens.decode(signed)).toEqual({ unverified: true, signed, header, claims });
    for (const text of ['', 'a.b', 'a.b.c', `${signed.split('.')[0]}.b.c`]) {
      expect(() => tokens.decode(text)).toThrow(refused('token_invalid'));
    }
  });

  it('revokes a token in the store', async () => {
    const token = new Token('signed', { alg: 'HS256' }, {} as Claims);
    await tokens.revoke(token);
    expect(revoke.mock.calls).toEqual([[token]]);
  });
});
