import { createHmac } from 'node:crypto';
import { All, Controller, Delete, Get, Module, Param, type Type } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Imports } from '../../../src/app.module.js';
import { StartError } from '../../../src/errors/start-error.js';
import { CurrentToken, Public, RequireToken } from '../../../src/access/require-token.decorator.js';
import { param, type TokenRequirement } from '../../../src/access/requirement.js';
import { Token } from '../../../src/tokens/token.js';
import { type AccessTokenOptions, TokenService } from '../../../src/tokens/token.service.js';
import { bootApp, SECRET, type TestApp } from '../../support/test-app.js';

/** @returns a module with one route that has the requirement */
function moduleWith(requirement: TokenRequirement, name = 'Probe', path = 'of/:tenant') {
  @Controller(name)
  class ProbeController {
    @Get(path)
    @RequireToken(requirement)
    show(@CurrentToken() token: Token) {
      return { subject: token.subject };
    }
  }
  Object.defineProperty(ProbeController, 'name', { value: name });
  return moduleOf(ProbeController);
}

function moduleOf(...controllers: Type[]): Type {
  @Module({ controllers })
  class ProbeModule {}
  return ProbeModule;
}

/** @returns the message of the error that stops the start, or `It started.` */
async function startWith(...imports: Imports): Promise<string> {
  try {
    const app = await bootApp({}, { imports });
    await app.close();
    return 'It started.';
  } catch (error) {
    if (error instanceof StartError) return error.message;
    throw error;
  }
}

describe('An invalid route requirement', () => {
  const cases: [string, TokenRequirement, string][] = [
    [
      'a cookie without a name',
      { in: 'cookie' },
      'reads a cookie without a valid name; set it in `cookie`',
    ],
    [
      'a header or a cookie without a name',
      { in: ['header', 'cookie'], cookie: '' },
      'reads a cookie without a valid name; set it in `cookie`',
    ],
    [
      'a cookie with a name that no cookie can have',
      { in: 'cookie', cookie: 'a b' },
      'reads a cookie without a valid name; set it in `cookie`',
    ],
    [
      'a cookie that is never read',
      { cookie: 'mine' },
      'names the cookie "mine", but `in` does not contain "cookie"',
    ],
    [
      'a header that is never read',
      { in: 'cookie', cookie: 'mine', header: 'x-token' },
      'names the header "x-token", but `in` does not contain "header"',
    ],
    [
      'a header with a name that no header can have',
      { header: 'x token' },
      'names the header "x token", which is not a valid name',
    ],
    [
      'the Authorization header, which is read anyway',
      { header: 'Authorization' },
      'names the header "authorization", which is the default; leave it out',
    ],
    ['no place at all', { in: [] }, 'names no place for the token: `in` is []'],
    ['an unknown place', { in: 'query' as 'header' }, 'has an unknown place in `in`: "query"'],
    [
      'a parameter that the route does not have',
      { claims: { sub: param('username') } },
      'uses the parameter "username", which /probe/of/:tenant does not have',
    ],
    [
      'an unknown parameter in a nested value',
      { scope: { may: { see: ['all', param('whom')] } } },
      'uses the parameter "whom", which /probe/of/:tenant does not have',
    ],
    [
      'an unknown parameter in the override',
      { scope: { a: 1 }, override: { claims: { sub: param('name') } } },
      'uses the parameter "name", which /probe/of/:tenant does not have',
    ],
    [
      'a fresh refresh token',
      { type: 'refresh', fresh: true },
      'requires a fresh refresh token, but only access tokens are fresh',
    ],
    ...[
      { refreshCookie: true },
      { type: 'refresh' as const, refreshCookie: true, header: 'x-token' },
      { type: 'refresh' as const, refreshCookie: true, in: 'cookie' as const, cookie: 'mine' },
    ].map((requirement): [string, TokenRequirement, string] => [
      `the refresh cookie by ${JSON.stringify(requirement)}`,
      requirement,
      'reads the refresh cookie without `type: "refresh"`, or together with `in` or `header`',
    ]),
    [
      'a refresh token with a scope',
      { type: 'refresh', scope: { admin: true } },
      'requires a scope of a refresh token, but only access tokens have one',
    ],
    [
      'a refresh token with a scope in the override',
      { type: 'refresh', claims: { a: 1 }, override: { scope: { admin: true } } },
      'requires a scope of a refresh token, but only access tokens have one',
    ],
    [
      'the type among the claims',
      { claims: { type: 'refresh' } },
      'requires the claim "type" in `claims`; use the option `type` instead',
    ],
    ...(
      [
        ['undefined', undefined],
        ['NaN', NaN],
        ['a function', () => true],
        ['a set', new Set(['admin'])],
        ['a map', new Map([['admin', true]])],
        ['a pattern', /admin/],
        ['a date', new Date(0)],
        ['an object that holds a set', { may: [new Set(['read'])] }],
      ] as const
    ).map(([title, value]): [string, TokenRequirement, string] => [
      `a claim that is ${title}`,
      { claims: { role: value } },
      'requires a value in `claims` that no token can have',
    ]),
    ['empty claims', { claims: {} }, 'has no condition in `claims`; leave it out'],
    [
      'a scope that is null',
      { scope: null as unknown as Record<string, unknown> },
      'has no condition in `scope`; leave it out',
    ],
    [
      'an override with an empty scope',
      { scope: { a: 1 }, override: { scope: {} } },
      'has no condition in `override.scope`; leave it out',
    ],
    [
      'an override without anything to override',
      { override: { scope: { admin: true } } },
      'has an `override`, but no `scope` or `claims` to override',
    ],
    ['an unknown option', { scopes: {} } as TokenRequirement, 'has the unknown option `scopes`'],
    [
      'a parameter that is a group of a pattern',
      { claims: { sub: param('a') } },
      'uses the parameter "a", which /probe/of/:tenant does not have',
    ],
    [
      'an empty override',
      { scope: { admin: true }, override: {} },
      'has an `override` without a condition, which every token would meet',
    ],
  ];
  let message: string;

  beforeAll(async () => {
    message = await startWith(
      ...cases.map(([, requirement], index) => moduleWith(requirement, `Probe${index}`)),
    );
  });

  it.each(cases)('refuses to start with %s, and names the handler', (title, _, problem) => {
    const name = `Probe${cases.findIndex(([each]) => each === title)}`;
    expect(message.split('\n')).toContain(
      `${name}.show: @RequireToken() ${problem.replace('/probe/', `/${name}/`)}.`,
    );
  });

  it('refuses to start with one sentence for each invalid requirement', () => {
    expect(message.split('\n')).toHaveLength(cases.length);
  });

  it('refuses to start if the requirement of a controller is invalid for one of its handlers', async () => {
    @Controller('probe/:name')
    @RequireToken({ claims: { sub: param('other') } })
    class MixedController {
      @Get()
      asks() {}

      @Get('public')
      @Public()
      asksNothing() {}

      @Get('own')
      @RequireToken({ claims: { sub: param('name') } })
      asksItself() {}

      @Get('has/:other')
      hasIt() {}

      noRoute() {}
    }
    expect(await startWith(moduleOf(MixedController))).toBe(
      'MixedController.asks: @RequireToken() uses the parameter "other", which /probe/:name does not have.',
    );
  });

  it('refuses to start if one of several paths lacks the required parameter', async () => {
    @Controller(['by/:name', 'all'])
    class PathsController {
      @Get(['', 'more'])
      @RequireToken({ claims: { sub: param('name') } })
      show() {}
    }
    const problem = (path: string) =>
      `PathsController.show: @RequireToken() uses the parameter "name", which ${path} does not have.`;
    expect(await startWith(moduleOf(PathsController))).toBe(
      [problem('/all'), problem('/all/more')].join('\n'),
    );
  });

  it('refuses to start if a pattern only looks like the required parameter', async () => {
    const requirement = { claims: { a: param('a'), verb: param('verb') } };
    const message = await startWith(moduleWith(requirement, 'Probe', ':id(^(?:a|b)$)/x::verb'));
    expect(message).toContain('uses the parameter "a", which /Probe/:id(^(?:a|b)$)/x::verb');
    expect(message).toContain('uses the parameter "verb", which');
  });

  it('refuses two access decorators on one handler', () => {
    const twice = () => {
      class TwiceController {
        @RequireToken()
        @Public()
        show() {}
      }
      return TwiceController;
    };
    expect(twice).toThrow(
      'TwiceController.show: use only one of @RequireToken(), @Public() and @AccessBy().',
    );
  });

  it('starts if the path of a module has the required parameter', async () => {
    const probe = moduleWith({ claims: { sub: param('owner') } }, 'Probe', 'here');
    const router = RouterModule.register([{ path: 'of/:owner', module: probe }]);
    expect(await startWith(probe, router)).toBe('It started.');
  });
});

@Controller('admin')
@RequireToken({ scope: { admin: true } })
class AdminController {
  @Get()
  asController() {
    return {};
  }

  @Get('open')
  @Public()
  open() {
    return {};
  }

  @Get('fresh')
  @RequireToken({ fresh: true })
  fresh() {
    return {};
  }
}

@Controller('inherited-open')
@Public()
class InheritedController extends AdminController {}

@Controller('undecorated')
class UndecoratedController {
  @Get(':name')
  show(@Param('name') name: string) {
    return { name };
  }

  @All('all/*')
  all() {
    return {};
  }

  @Get(['one', 'two'])
  several() {
    return {};
  }

  @Get('number/:n')
  @RequireToken({ claims: { n: param('n') } })
  bound() {
    return {};
  }
}

@Controller('places')
class PlacesController {
  @Get('header')
  @RequireToken({ in: 'header' })
  header() {
    return {};
  }

  @Get('own-header')
  @RequireToken({ header: 'X-Token' })
  ownHeader() {
    return {};
  }

  @Get('own-header-or-cookie')
  @RequireToken({ in: ['header', 'cookie'], header: 'X-Token', cookie: 'mine' })
  ownHeaderOrCookie(@CurrentToken() token: Token) {
    return { subject: token.subject };
  }

  @Get('cookie')
  @RequireToken({ in: 'cookie', cookie: 'mine' })
  cookie() {
    return {};
  }

  @Delete('cookie')
  @RequireToken({ in: 'cookie', cookie: 'mine' })
  remove() {
    return {};
  }

  @Get('both')
  @RequireToken({ in: ['header', 'cookie'], cookie: 'mine' })
  both(@CurrentToken() token: Token) {
    return { subject: token.subject };
  }

  @Get('refresh')
  @RequireToken({ type: 'refresh', in: 'cookie', cookie: 'mine', claims: { device: 'x-wing' } })
  refresh() {
    return {};
  }
}

describe('Routes with requirements', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootApp(
      {},
      {
        imports: [
          moduleOf(PlacesController, AdminController, InheritedController, UndecoratedController),
        ],
      },
    );
  });
  afterAll(() => app.close());

  const minted = async (options: AccessTokenOptions = {}, subject = 'leia'): Promise<string> =>
    (await app.app.get(TokenService).createAccessToken(subject, options)).signed;
  const visit = async (path: string, headers: Record<string, string>, method = 'GET') => {
    const { status, body } = await app.send(method, `/places/${path}`, { headers });
    return body.code ?? body.subject ?? status;
  };

  it('takes the token from the header only, if the route says so', async () => {
    const token = await minted();
    expect(await visit('header', { authorization: `Bearer ${token}` })).toBe(200);
    expect(await visit('header', { cookie: `mine=${token}` })).toBe('token_missing');
  });

  it('takes the token from a custom header instead of Authorization', async () => {
    const token = await minted();
    expect(await visit('own-header', { 'x-token': token })).toBe(200);
    expect(await visit('own-header', { 'x-token': `Bearer ${token}` })).toBe('token_invalid');
    expect(await visit('own-header', { 'x-token': '' })).toBe('token_missing');
    expect(await visit('own-header', { authorization: `Bearer ${token}` })).toBe('token_missing');
    const refresh = await app.app.get(TokenService).createRefreshToken('leia');
    expect(await visit('own-header', { 'x-token': refresh.signed })).toBe('wrong_token_type');
    expect(await visit('header', { 'x-token': token })).toBe('token_missing');
  });

  it('takes the token from a custom header or a cookie, and prefers the header', async () => {
    const [leia, luke] = [await minted(), await minted({}, 'luke')];
    expect(await visit('own-header-or-cookie', { 'x-token': leia })).toBe('leia');
    const cookie = `mine=${luke}`;
    expect(await visit('own-header-or-cookie', { cookie })).toBe('luke');
    expect(await visit('own-header-or-cookie', { 'x-token': leia, cookie })).toBe('leia');
  });

  it('takes the token from the named cookie only, if the route says so', async () => {
    const token = await minted();
    expect(await visit('cookie', { cookie: `mine=${token}` })).toBe(200);
    expect(await visit('cookie', { cookie: `a=b; mine=${token}; c=d` })).toBe(200);
    expect(await visit('cookie', { authorization: `Bearer ${token}` })).toBe('token_missing');
    expect(await visit('cookie', { cookie: `access_token_cookie=${token}` })).toBe('token_missing');
    expect(await visit('cookie', { cookie: `notmine=${token}` })).toBe('token_missing');
  });

  it('names the missing cookie, and no header, if a route reads the cookie only', async () => {
    const { status, body, headers } = await app.get('/places/cookie');
    expect([status, body]).toEqual([
      401,
      { statusCode: 401, code: 'token_missing', error: 'Missing cookie "mine"' },
    ]);
    expect(headers.get('www-authenticate')).toBe('Bearer realm="api"');
    for (const path of ['both', 'own-header-or-cookie', 'header', 'own-header']) {
      const missing = await app.get(`/places/${path}`);
      expect([missing.body.code, missing.body.error]).toEqual([
        'token_missing',
        'Missing Authorization Header',
      ]);
    }
    const document = JSON.stringify((await app.get('/docs/openapi.json')).body);
    expect(document).toContain('Missing cookie \\"mine\\"');
  });

  it('accepts a token in a cookie or a custom header only in canonical base64url', async () => {
    const respelled = async (change: (part: string) => string) => {
      const [header = '', payload = ''] = (await minted()).split('.');
      const bytes = Buffer.from(payload, 'base64url').toString();
      // One byte more than a multiple of three leaves unused bits and needs two padding characters.
      const padded = Buffer.from(bytes + ' '.repeat((4 - (bytes.length % 3)) % 3));
      const input = `${header}.${change(padded.toString('base64url'))}`;
      return `${input}.${createHmac('sha256', SECRET).update(input).digest('base64url')}`;
    };
    const canonical = await respelled((part) => part);
    const others = [await respelled((part) => `${part}==`), await respelled((part) => `${part}*`)];
    expect(await visit('cookie', { cookie: `mine=${canonical}` })).toBe(200);
    expect(await visit('own-header', { 'x-token': canonical })).toBe(200);
    for (const token of others) {
      expect(await visit('cookie', { cookie: `mine=${token}` })).toBe('token_invalid');
      expect(await visit('own-header', { 'x-token': token })).toBe('token_invalid');
    }
  });

  it('refuses a token cookie that occurs twice, is empty or is quoted', async () => {
    const token = await minted();
    expect(await visit('cookie', { cookie: `mine=${token}; mine=${token}` })).toBe('token_invalid');
    expect(await visit('cookie', { cookie: 'mine=' })).toBe('token_invalid');
    expect(await visit('cookie', { cookie: `mine="${token}"` })).toBe('token_invalid');
  });

  it('takes the token from the header or a cookie, and prefers the header', async () => {
    const [leia, luke] = [await minted(), await minted({}, 'luke')];
    const authorization = `Bearer ${leia}`;
    const cookie = `mine=${luke}`;
    expect(await visit('both', { authorization })).toBe('leia');
    expect(await visit('both', { cookie })).toBe('luke');
    expect(await visit('both', { authorization, cookie })).toBe('leia');
    expect(await visit('both', { authorization: 'Bearer x', cookie })).toBe('token_invalid');
  });

  it('requires the CSRF value for a change with a token in a cookie', async () => {
    const bound = await minted({ csrf: true });
    const { csrf } = app.app.get(TokenService).decode(bound).claims as { csrf: string };
    const cookie = `mine=${bound}`;
    expect(await visit('cookie', { cookie, 'x-csrf-token': csrf }, 'DELETE')).toBe(200);
    expect(await visit('cookie', { cookie }, 'DELETE')).toBe('csrf_failed');
    const unbound = { cookie: `mine=${await minted()}`, 'x-csrf-token': 'undefined' };
    expect(await visit('cookie', unbound, 'DELETE')).toBe('csrf_failed');
  });

  it('requires a refresh token that holds a claim', async () => {
    const tokens = app.app.get(TokenService);
    const claims = { device: 'x-wing' };
    const { signed } = await tokens.createRefreshToken('leia', { claims });
    const bare = await tokens.createRefreshToken('leia');
    expect(await visit('refresh', { cookie: `mine=${signed}` })).toBe(200);
    expect(await visit('refresh', { cookie: `mine=${bare.signed}` })).toBe('claim_required');
    const access = await minted({ claims });
    expect(await visit('refresh', { cookie: `mine=${access}` })).toBe('wrong_token_type');
  });

  it('replaces the requirement of a controller by that of its handler', async () => {
    const fresh = `Bearer ${await minted({ fresh: true })}`;
    const admin = `Bearer ${await minted({ scope: { admin: true } })}`;
    const at = async (path: string, authorization?: string) => {
      const headers = authorization === undefined ? {} : { authorization };
      const { status, body } = await app.get(path, { headers });
      return body.code ?? status;
    };
    for (let round = 0; round < 2; round++) {
      expect([await at('/admin', fresh), await at('/admin', admin)]).toEqual([
        'scope_required',
        200,
      ]);
      expect([await at('/admin/fresh', fresh), await at('/admin/fresh', admin)]).toEqual([
        200,
        'fresh_token_required',
      ]);
      expect([await at('/admin/open'), await at('/inherited-open')]).toEqual([200, 200]);
      expect(await at('/inherited-open/fresh')).toBe('token_missing');
    }
  });

  it('matches a claim with a parameter only if it is the same text or the same number', async () => {
    const holding = async (n: unknown) => `Bearer ${await minted({ claims: { n } })}`;
    const at = async (n: unknown, path: string) => {
      const headers = { authorization: await holding(n) };
      return (await app.get(`/undecorated/number/${path}`, { headers })).status;
    };
    expect([await at(7, '7'), await at('7', '7'), await at(7, '07')]).toEqual([200, 200, 403]);
    expect([await at([7], '7'), await at(true, 'true'), await at(null, 'null')]).toEqual([
      403, 403, 403,
    ]);
  });

  it('describes the requirements of all routes in the OpenAPI document, also without a decorator', async () => {
    const { body } = await app.get<{
      paths: Record<string, Record<string, { security?: object[]; responses: object }>>;
    }>('/docs/openapi.json');
    const at = (path: string) => body.paths[path]!.get!;
    expect(at('/undecorated/{name}').security).toEqual([{ access_token: [] }]);
    const [path] = Object.keys(body.paths).filter((each) => each.startsWith('/undecorated/all/'));
    for (const operation of Object.values(body.paths[path!]!)) {
      expect(operation.security).toEqual([{ access_token: [] }]);
      expect(Object.keys(operation.responses)).toContain('401');
    }
    for (const each of ['/undecorated/one', '/undecorated/two']) {
      expect(at(each).security).toEqual([{ access_token: [] }]);
    }
    expect(at('/admin').security).toEqual([{ access_token: [] }]);
    expect(Object.keys(at('/admin').responses)).toContain('403');
    expect(Object.keys(at('/admin/fresh').responses)).not.toContain('403');
    expect(at('/admin/open').security).toEqual([]);
    expect(Object.keys(at('/admin/open').responses)).not.toContain('401');
    const [parameter] = (at('/undecorated/{name}') as { parameters?: { schema: object }[] })
      .parameters!;
    expect(parameter!.schema).toEqual({ type: 'string' });
  });

  it('names the token cookie of a route in the OpenAPI document', async () => {
    const { body } = await app.get<{
      paths: Record<string, Record<string, { security: object[]; responses: object }>>;
      components: { securitySchemes: object };
    }>('/docs/openapi.json');
    expect(body.paths['/places/both']!.get!.security).toEqual([
      { access_token: [] },
      { 'cookie.mine': [] },
    ]);
    expect(body.components.securitySchemes).toMatchObject({
      'cookie.mine': { type: 'apiKey', in: 'cookie', name: 'mine' },
    });
    expect(JSON.stringify(body.paths['/places/cookie']!.delete!.responses)).toContain(
      'csrf_failed',
    );
    expect(JSON.stringify(body.paths['/places/cookie']!.get!.responses)).not.toContain('csrf');
  });
});
