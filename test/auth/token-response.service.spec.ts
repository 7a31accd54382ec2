import type { FastifyReply, FastifyRequest } from 'fastify';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { AppConfig } from '../../src/config/app-config.js';
import { TokenCookiesService } from '../../src/access/token-cookies.service.js';
import { type Claims, Token } from '../../src/tokens/token.js';
import { TokenResponseService } from '../../src/auth/token-response.service.js';

const tokenOf = (name: string, csrf?: string) =>
  new Token(name, { alg: 'HS256' }, {
    ...{ sub: '7', type: 'access', iat: 0, exp: 60 },
    ...(csrf !== undefined && { csrf }),
  } as Claims);
const [access, refresh] = [tokenOf('access', 'a'), tokenOf('refresh', 'r')];
const reply = {} as FastifyReply;
const byHeader = { tokenFrom: 'header' } as unknown as FastifyRequest;
const byCookie = { tokenFrom: 'cookie' } as unknown as FastifyRequest;
const withoutTokens = { token_type: 'Bearer', expires_in: 60 };
const withAccess = { ...withoutTokens, access_token: 'access' };
const withBoth = { ...withAccess, refresh_token: 'refresh' };
const csrf = { csrf_access_token: 'a', csrf_refresh_token: 'r' };

describe('TokenResponseService', () => {
  const done: unknown[][] = [];
  beforeEach(() => {
    done.length = 0;
  });

  const responses = (setting: 'false' | 'true' | 'only') => {
    const config = AppConfig.from({ TOKEN_COOKIES: setting });
    const cookies = new TokenCookiesService(config);
    jest.spyOn(cookies, 'set').mockImplementation((...given) => void done.push(['set', ...given]));
    jest
      .spyOn(cookies, 'clearFormer')
      .mockImplementation((...given) => void done.push(['clearFormer', ...given]));
    return new TokenResponseService(cookies, config);
  };
  const pair = { access, refresh };

  it('replaces the cookies of earlier versions for a new session', () => {
    responses('true').forNewSession(byHeader, reply, pair);
    expect(done).toEqual([
      ['clearFormer', byHeader, reply],
      ['set', reply, access, refresh],
    ]);
  });

  it.each([
    ['false', byHeader, withBoth],
    ['false', byCookie, withBoth],
    ['true', byHeader, { ...withBoth, ...csrf }],
    ['true', byCookie, { ...withoutTokens, ...csrf }],
    ['only', byHeader, { ...withoutTokens, ...csrf }],
  ] as const)(
    'builds the body with TOKEN_COOKIES=%s for the request %j: %j',
    (setting, request, body) => {
      expect(responses(setting).forNewSession(request, reply, pair)).toEqual(body);
      expect(responses(setting).forRefresh(request, reply, pair, tokenOf('rotated', 's'))).toEqual(
        body,
      );
    },
  );

  it('sets only the cookies of the new tokens for a refresh', () => {
    responses('true').forRefresh(byHeader, reply, pair, tokenOf('rotated'));
    responses('true').forRefresh(byHeader, reply, { access }, refresh);
    expect(done).toEqual([
      ['set', reply, access, refresh],
      ['set', reply, access],
    ]);
  });

  it.each([
    ['false', byHeader, withAccess],
    ['true', byHeader, { ...withAccess, ...csrf }],
    ['true', byCookie, { ...withoutTokens, ...csrf }],
    ['only', byHeader, { ...withoutTokens, ...csrf }],
  ] as const)(
    'builds the body without a new refresh token, with TOKEN_COOKIES=%s for the request %j: %j',
    (...given) => {
      const [setting, request, body] = given;
      expect(responses(setting).forRefresh(request, reply, { access }, refresh)).toEqual(body);
    },
  );

  it('returns empty CSRF values for tokens without one', () => {
    const pair = { access: tokenOf('access'), refresh: tokenOf('refresh') };
    const empty = { csrf_access_token: '', csrf_refresh_token: '' };
    expect(responses('true').forNewSession(byHeader, reply, pair)).toEqual({
      ...withBoth,
      ...empty,
    });
  });

  it.each([
    ['false', byHeader, true],
    ['true', byHeader, true],
    ['true', byCookie, false],
    ['only', byHeader, false],
  ] as const)('shows the signed token with TOKEN_COOKIES=%s to the request %j: %j', (...given) => {
    const [setting, request, isHeld] = given;
    const { signed_token, ...rest } = responses(setting).describe(request, access);
    expect(signed_token).toBe(isHeld ? 'access' : undefined);
    expect(rest).toMatchObject({ subject: '7', is_signed: true });
  });
});
