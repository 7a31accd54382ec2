import { type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { AppConfig } from '../../src/config/app-config.js';
import { Public, RequireToken } from '../../src/access/require-token.decorator.js';
import { TokenCookiesService } from '../../src/access/token-cookies.service.js';
import { cameByCookie, TokenGuard } from '../../src/access/token.guard.js';
import type { TokenService } from '../../src/tokens/token.service.js';
import { type Claims, Token } from '../../src/tokens/token.js';

class Routes {
  plain() {}

  @Public()
  open() {}

  @RequireToken({ type: 'refresh', allowRotated: true })
  refresh() {}

  @RequireToken({ type: 'refresh' })
  unrotated() {}

  @RequireToken({ type: 'refresh', refreshCookie: true })
  refreshCookie() {}

  @RequireToken({ scope: { admin: true } })
  admin() {}

  @RequireToken({ in: 'cookie', cookie: 'mine' })
  cookie() {}

  @RequireToken({ in: ['header', 'cookie'], cookie: 'mine' })
  both() {}
}

class OtherRoutes {}

const token = new Token('signed', { alg: 'HS256' }, { sub: 'leia', csrf: 'value' } as Claims);

describe('TokenGuard', () => {
  let verify: jest.Mock<TokenService['verify']>;
  let guard: TokenGuard;
  let reflector: Reflector;

  beforeEach(() => {
    verify = jest.fn<TokenService['verify']>().mockResolvedValue(token);
    reflector = new Reflector();
    guard = guardWith(false);
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const guardWith = (enabled: boolean) =>
    new TokenGuard(
      reflector,
      { verify } as unknown as TokenService,
      new TokenCookiesService(AppConfig.from({ TOKEN_COOKIES: String(enabled) })),
      AppConfig.from({}),
    );
  const visit = async (
    name: keyof Routes,
    headers: Record<string, string> = { authorization: 'Bearer signed' },
    {
      method = 'GET',
      controller = Routes,
      by = guard,
    }: { method?: string; controller?: new () => object; by?: TokenGuard } = {},
  ) => {
    const rawHeaders = Object.entries(headers).flat();
    const request = { method, headers, params: {}, raw: { headers, rawHeaders } };
    const header = jest.fn();
    const context = {
      getHandler: () => Reflect.get(Routes.prototype, name) as object,
      getClass: () => controller,
      switchToHttp: () => ({ getRequest: () => request, getResponse: () => ({ header }) }),
    } as unknown as ExecutionContext;
    const result = await Promise.resolve(by.canActivate(context)).catch(
      (error: { code: string }) => error.code,
    );
    const { token: kept, tokenFrom: from } = request as { token?: Token; tokenFrom?: string };
    return { result, token: kept, from, header };
  };

  it('opens a public route without reading the token', async () => {
    const { result, header } = await visit('open');
    expect(result).toBe(true);
    expect(verify).not.toHaveBeenCalled();
    expect(header).not.toHaveBeenCalled();
  });

  it('keeps the token for the handler, and forbids caching of the response', async () => {
    const visited = await visit('plain');
    expect([visited.result, visited.token, visited.from]).toEqual([true, token, 'header']);
    expect(visited.header.mock.calls).toEqual([['cache-control', 'no-store']]);
  });

  it('requires the token type of the route, and accepts a rotated token only if the route allows it', async () => {
    await visit('plain');
    await visit('refresh');
    await visit('unrotated');
    expect(verify.mock.calls).toEqual([
      ['signed', { type: 'access', allowRotated: false }],
      ['signed', { type: 'refresh', allowRotated: true }],
      ['signed', { type: 'refresh', allowRotated: false }],
    ]);
  });

  it('refuses a missing token, an invalid one, and one that does not meet the requirement', async () => {
    expect(await visit('plain', {})).toMatchObject({ result: 'token_missing', token: undefined });
    expect(await visit('admin')).toMatchObject({ result: 'scope_required', token: undefined });
    verify.mockRejectedValue(Object.assign(new Error(), { code: 'other' }));
    expect(await visit('plain')).toMatchObject({ result: 'other', token: undefined });
  });

  it('requires the CSRF value with a token in a cookie, but not with one in a header', async () => {
    const change = { method: 'POST' };
    const cookie = { cookie: 'mine=signed' };
    const repeated = { ...cookie, 'x-csrf-token': 'value' };
    expect((await visit('cookie', cookie, change)).result).toBe('csrf_failed');
    expect((await visit('cookie', repeated, change)).result).toBe(true);
    expect((await visit('cookie', cookie)).result).toBe(true);
    expect((await visit('both', { authorization: 'Bearer a', ...cookie }, change)).result).toBe(
      true,
    );
    expect((await visit('both', cookie, change)).result).toBe('csrf_failed');
  });

  it('reads login cookies only with TOKEN_COOKIES, and only if the route names no place', async () => {
    const by = guardWith(true);
    const access = { cookie: 'access_token_cookie=a; refresh_token_cookie=r' };
    expect((await visit('plain', access)).result).toBe('token_missing');
    expect((await visit('plain', access, { by })).result).toBe(true);
    expect((await visit('refresh', access, { by })).result).toBe('token_missing');
    expect((await visit('refreshCookie', access, { by })).result).toBe(true);
    expect(verify.mock.calls.map(([signed]) => signed)).toEqual(['a', 'r']);
    expect((await visit('both', access, { by })).result).toBe('token_missing');
  });

  it('reads the decorators once for each controller and handler', async () => {
    const read = jest.spyOn(reflector, 'getAllAndOverride');
    for (let i = 0; i < 3; i++) await visit('plain');
    expect(read).toHaveBeenCalledTimes(1);
    await visit('admin');
    for (let i = 0; i < 2; i++) await visit('plain', undefined, { controller: OtherRoutes });
    expect(read).toHaveBeenCalledTimes(3);
    for (let i = 0; i < 2; i++) await visit('open');
    expect(read).toHaveBeenCalledTimes(4);
  });
});

describe('cameByCookie', () => {
  it('is true only for a request whose token was in a cookie', () => {
    const requests = [{ tokenFrom: 'cookie' }, { tokenFrom: 'header' }, {}];
    expect(requests.map((request) => cameByCookie(request as never))).toEqual([true, false, false]);
  });
});
