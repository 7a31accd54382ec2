import type { FastifyReply, FastifyRequest } from 'fastify';
import { describe, expect, it } from '@jest/globals';
import { AppConfig } from '../../src/config/app-config.js';
import {
  loginCookieNames,
  refuseForgedRequest,
  SAFE_METHODS,
  TokenCookiesService,
} from '../../src/access/token-cookies.service.js';
import { type Claims, Token } from '../../src/tokens/token.js';

type Production = Partial<Pick<AppConfig, 'production'>>;

/** The settings of the environment, with `production` set apart from them. */
function configOf(env: Record<string, string>, { production = false }: Production = {}): AppConfig {
  return Object.assign(Object.create(AppConfig.from(env)) as AppConfig, { production });
}

const on = { TOKEN_COOKIES: 'true' };
const withDomain = { ...on, COOKIE_DOMAIN: 'example.com', PUBLIC_URL: 'https://api.example.com' };

const tokenOf = (type: 'access' | 'refresh', csrf?: string) =>
  new Token(`signed-${type}`, { alg: 'HS256' }, {
    ...{ type, iat: 100, exp: 160 },
    ...(csrf !== undefined && { csrf }),
  } as Claims);

/** The cookies that a response sets, each split into its parts. */
function cookiesOf(use: (reply: FastifyReply) => void): string[][] {
  const sent: string[] = [];
  const header = (name: string, value: string | string[]) => {
    expect(name).toBe('set-cookie');
    sent.push(...[value].flat());
  };
  use({ header } as unknown as FastifyReply);
  return sent.map((cookie) => cookie.split('; '));
}
const requestWith = (cookie?: string) => ({ headers: { cookie } }) as FastifyRequest;
const strict = ['Path=/', 'SameSite=Strict'];
/** Sorts the attributes of each cookie. */
const sorted = (cookies: string[][]) =>
  cookies.map(([pair, ...attributes]) => [pair, ...attributes.sort()]);

describe('TokenCookiesService', () => {
  it('uses plain cookie names in development', () => {
    expect(loginCookieNames(configOf(on))).toEqual({
      access: { token: 'access_token_cookie', csrf: 'csrf_access_token' },
      refresh: { token: 'refresh_token_cookie', csrf: 'csrf_refresh_token' },
    });
  });

  it.each([
    ['__Host-', 'without', on],
    ['__Secure-', 'with', withDomain],
  ])('uses the prefix %s in production, %s a domain', (prefix, _, env) => {
    expect(new TokenCookiesService(configOf(env, { production: true })).names).toEqual({
      access: { token: `${prefix}access_token_cookie`, csrf: `${prefix}csrf_access_token` },
      refresh: { token: `${prefix}refresh_token_cookie`, csrf: `${prefix}csrf_refresh_token` },
    });
  });

  it('is enabled by TOKEN_COOKIES', () => {
    expect(new TokenCookiesService(configOf({})).enabled).toBe(false);
    expect(new TokenCookiesService(configOf(on)).enabled).toBe(true);
  });

  it('sets tokens as HttpOnly cookies, and their CSRF values as readable ones', () => {
    const cookies = new TokenCookiesService(configOf(on));
    const tokens = [tokenOf('access', 'a'), tokenOf('refresh', 'r')];
    expect(sorted(cookiesOf((reply) => cookies.set(reply, ...tokens)))).toEqual([
      ['access_token_cookie=signed-access', 'HttpOnly', 'Max-Age=60', ...strict],
      ['csrf_access_token=a', 'Max-Age=60', ...strict],
      ['refresh_token_cookie=signed-refresh', 'HttpOnly', 'Max-Age=60', ...strict],
      ['csrf_refresh_token=r', 'Max-Age=60', ...strict],
    ]);
  });

  it('sets an empty CSRF cookie for a token without a CSRF value', () => {
    const cookies = new TokenCookiesService(configOf(on));
    const [, csrf] = cookiesOf((reply) => cookies.set(reply, tokenOf('access')));
    expect(csrf![0]).toBe('csrf_access_token=');
  });

  it('sets Secure in production, and Domain if COOKIE_DOMAIN is set', () => {
    const production = { production: true };
    const secure = new TokenCookiesService(configOf(on, production));
    const ofDomain = new TokenCookiesService(configOf(withDomain, production));
    for (const parts of cookiesOf((reply) => secure.set(reply, tokenOf('access')))) {
      expect(parts).toContain('Secure');
      expect(parts.join()).not.toContain('Domain');
    }
    for (const parts of cookiesOf((reply) => ofDomain.set(reply, tokenOf('access')))) {
      expect(parts).toEqual(expect.arrayContaining(['Secure', 'Domain=example.com']));
    }
  });

  it('neither sets nor clears cookies without TOKEN_COOKIES', () => {
    const cookies = new TokenCookiesService(configOf({}));
    const request = requestWith('access_token_cookie=a');
    expect(cookiesOf((reply) => cookies.set(reply, tokenOf('access')))).toEqual([]);
    expect(cookiesOf((reply) => cookies.clear(request, reply))).toEqual([]);
    expect(cookiesOf((reply) => cookies.clearFormer(request, reply))).toEqual([]);
  });

  it('clears cookies by setting them to an empty value with Max-Age=0', () => {
    const cookies = new TokenCookiesService(configOf(on));
    const cleared = cookiesOf((reply) => cookies.clear(requestWith(), reply));
    expect(sorted(cleared)).toEqual([
      ['access_token_cookie=', 'HttpOnly', 'Max-Age=0', ...strict],
      ['csrf_access_token=', 'Max-Age=0', ...strict],
      ['refresh_token_cookie=', 'HttpOnly', 'Max-Age=0', ...strict],
      ['csrf_refresh_token=', 'Max-Age=0', ...strict],
    ]);
  });

  it('clears the cookies of earlier versions together with the current ones', () => {
    const cookies = new TokenCookiesService(configOf(on, { production: true }));
    const cleared = cookiesOf((reply) => cookies.clear(requestWith(), reply));
    expect(cleared.map(([pair]) => pair)).toEqual([
      ...['refresh_token_cookie=', 'access_token_cookie=', 'csrf_access_token='],
      ...['refresh_token_cookie=', 'csrf_refresh_token='],
      ...['__Host-access_token_cookie=', '__Host-csrf_access_token='],
      ...['__Host-refresh_token_cookie=', '__Host-csrf_refresh_token='],
    ]);
  });
});

describe('The cookies of earlier versions', () => {
  const formerOf = (config: AppConfig, cookie?: string) =>
    sorted(
      cookiesOf((reply) => new TokenCookiesService(config).clearFormer(requestWith(cookie), reply)),
    );
  const names = [
    ...['access_token_cookie', 'csrf_access_token', 'refresh_token_cookie', 'csrf_refresh_token'],
  ];

  it('clears the cookies of earlier versions in production, whatever the request sends', () => {
    const attributes = ['Max-Age=0', 'Path=/', 'SameSite=Strict', 'Secure'];
    expect(formerOf(configOf(on, { production: true }))).toEqual([
      ['refresh_token_cookie=', 'Max-Age=0', 'Path=/auth', 'SameSite=Strict', 'Secure'],
      ...names.map((name) => [`${name}=`, ...attributes]),
    ]);
  });

  it.each(names)(
    'clears the cookies of earlier versions in development if the request sends %s',
    (name) => {
      const path = ['refresh_token_cookie=', 'Max-Age=0', 'Path=/auth', 'SameSite=Strict'];
      expect(formerOf(configOf(on), `other=1; ${name}=a`)).toEqual([path]);
      expect(formerOf(configOf(withDomain), `${name}=a`)).toEqual([
        path,
        ...names.map((each) => [`${each}=`, 'Max-Age=0', 'Path=/', 'SameSite=Strict']),
        [`${name}=`, 'Domain=api.example.com', 'Max-Age=0', 'Path=/', 'SameSite=Strict'],
      ]);
    },
  );

  it.each([undefined, 'other=1'])(
    'clears no cookies of earlier versions in development if the request sends %j',
    (cookie) => {
      expect(formerOf(configOf(on), cookie)).toEqual([]);
      expect(formerOf(configOf(withDomain), cookie)).toEqual([]);
    },
  );
});

describe('refuseForgedRequest', () => {
  const codeOf = (method: string, sent: unknown, csrf?: string) => {
    const request = { method, headers: { 'x-csrf-token': sent } } as unknown as FastifyRequest;
    try {
      refuseForgedRequest(request, tokenOf('access', csrf));
      return null;
    } catch (error) {
      return (error as { code: string }).code;
    }
  };

  it('accepts a read without the CSRF value', () => {
    expect(SAFE_METHODS).toEqual(['GET', 'HEAD', 'OPTIONS']);
    for (const method of SAFE_METHODS) expect(codeOf(method, undefined, 'value')).toBeNull();
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('requires the CSRF value with %s', (method) => {
    expect(codeOf(method, 'value', 'value')).toBeNull();
    for (const sent of [undefined, '', 'valu', 'value2', 'valux', ['value']]) {
      expect(codeOf(method, sent, 'value')).toBe('csrf_failed');
    }
  });

  it('refuses every change with a token that has no CSRF value', () => {
    for (const sent of [undefined, '', 'undefined', 'value']) {
      expect(codeOf('POST', sent)).toBe('csrf_failed');
    }
  });
});
