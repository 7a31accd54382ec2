import { describe, expect, it } from '@jest/globals';
import { requirementErrors } from '../../src/access/requirement-problems.js';
import { param, type TokenRequirement } from '../../src/access/requirement.js';

const of = (requirement: object, ...paths: string[]) =>
  requirementErrors(requirement, paths.length > 0 ? paths : ['/of/:id']);
const everyone = ['has an `override` that asks nothing, so that everybody would pass'];
const noValue = (option: string) => [`asks for a value in \`${option}\` that no token can hold`];

describe('problemsOf', () => {
  it.each<[TokenRequirement]>([
    [{}],
    [{ type: 'access', fresh: true, scope: { admin: true } }],
    [{ type: 'refresh', allowRotated: true, claims: { device: 'x-wing' } }],
    [{ in: 'header' }],
    [{ in: ['header', 'cookie'], cookie: 'mine', header: 'X-Token' }],
    [{ header: "x!#$%&'*+.^_`|~-1" }],
    [{ fresh: false, allowRotated: false, refreshCookie: false }],
    [{ type: 'refresh', refreshCookie: true }],
    [{ type: 'refresh', in: 'header' }],
    [{ claims: { sub: param('id') }, override: { scope: { admin: true } } }],
    [{ scope: { a: 1 }, override: { claims: { staff: true } } }],
    [{ claims: { all: [null, 1, 'a', true, { deep: [param('id')] }] } }],
  ])('finds none in %j', (requirement) => {
    expect(of(requirement)).toEqual([]);
  });

  it.each<[object, string[]]>([
    [{ scopes: {}, more: 1 }, ['knows no option `scopes`', 'knows no option `more`']],
    [{ in: 'query' }, ['knows no place "query"']],
    [{ in: ['query', 'body', 'header'] }, ['knows no place "query, body"']],
    [{ in: [] }, ['takes a token from nowhere: `in` is []']],
    [{ header: '' }, ['wants a header called "", which none can be']],
    [{ header: 'x token' }, ['wants a header called "x token", which none can be']],
    [{ header: ' x' }, ['wants a header called " x", which none can be']],
    [{ header: 'x ' }, ['wants a header called "x ", which none can be']],
    [
      { header: 'AUTHORIZATION' },
      ['names the header "authorization", where tokens are looked for anyway; leave it out'],
    ],
    [
      { in: 'cookie', cookie: 'mine', header: 'x-token' },
      ['names the header "x-token" and never looks there; add it to `in`'],
    ],
    ...[undefined, '', 'a b', 'a;', '=a'].map((cookie): [object, string[]] => [
      { in: 'cookie', ...(cookie !== undefined && { cookie }) },
      ['wants a cookie without a name; name it in `cookie`'],
    ]),
    [{ cookie: 'mine' }, ['names the cookie "mine" and never looks there; add it to `in`']],
    [{ in: 'header', cookie: '' }, ['names the cookie "" and never looks there; add it to `in`']],
  ])('says where the places of %j are wrong', (requirement, problems) => {
    expect(of(requirement)).toEqual(problems);
  });

  it.each([
    { refreshCookie: true },
    { type: 'access', refreshCookie: true },
    { type: 'refresh', refreshCookie: true, in: 'header' },
    { type: 'refresh', refreshCookie: true, header: 'x-token' },
  ])('says that the refresh cookie is not read with %j', (requirement) => {
    expect(of(requirement)).toEqual([
      'reads the refresh cookie without `type: "refresh"`, or beside `in` or `header`',
    ]);
  });

  it.each<[object, string[]]>([
    [
      { claims: { type: 'refresh' } },
      ['asks for the claim "type" among `claims`; ask for it by `type`'],
    ],
    [
      { type: 'refresh', claims: { type: 'refresh' } },
      ['asks for the claim "type" among `claims`; ask for it by `type`'],
    ],
    [{ allowRotated: true }, ['allows rotated access tokens, and only refresh tokens rotate']],
    [
      { type: 'access', allowRotated: true, fresh: true, scope: { a: 1 } },
      ['allows rotated access tokens, and only refresh tokens rotate'],
    ],
    [
      { type: 'refresh', fresh: true },
      ['wants a fresh refresh token, and only access tokens are fresh'],
    ],
    [
      { type: 'refresh', scope: { a: 1 } },
      ['wants a scope of a refresh token, and only access tokens have one'],
    ],
    [
      { type: 'refresh', claims: { a: 1 }, override: { scope: { a: 1 } } },
      ['wants a scope of a refresh token, and only access tokens have one'],
    ],
  ])('says where the type and %j do not go together', (requirement, problems) => {
    expect(of(requirement)).toEqual(problems);
  });

  it.each([undefined, NaN, Infinity, () => true, Symbol('a'), 1n, new Set(), new Map(), /a/])(
    'finds that no token can hold %p',
    (value) => {
      expect(of({ claims: { a: value } })).toEqual(noValue('claims'));
      expect(of({ scope: { a: [1, { b: value }] } })).toEqual(noValue('scope'));
      expect(of({ claims: { a: 1, b: value } })).toEqual(noValue('claims'));
      expect(of({ scope: { a: 1 }, override: { claims: { a: value } } })).toEqual(
        noValue('override.claims'),
      );
    },
  );

  it.each([null, {}, [], 'admin', ['admin'], 1])('finds nothing asked for by %j', (content) => {
    expect(of({ claims: content })).toEqual(['asks nothing by `claims`; leave it out']);
    expect(of({ scope: content })).toEqual(['asks nothing by `scope`; leave it out']);
    expect(of({ scope: { a: 1 }, override: { scope: content ?? {} } })).toEqual([
      'asks nothing by `override.scope`; leave it out',
    ]);
  });

  it.each([
    ...[{}, null, [], 'admin', { other: 1 }, { scope: undefined }],
    Object.assign([], { scope: { a: 1 } }),
  ])('finds an override that asks for nothing: %j', (override) => {
    expect(of({ scope: { a: 1 }, override })).toEqual(everyone);
    expect(of({ override })).toEqual(everyone);
  });

  it('finds an override of nothing', () => {
    for (const override of [{ scope: { a: 1 } }, { claims: { a: 1 } }]) {
      expect(of({ override })).toEqual(['has an `override` and nothing that it would override']);
    }
  });

  it.each<[string, string[]]>([
    ['/:a/:b', ['a', 'b']],
    ['/:from-:to', ['from', 'to']],
    ['/:id(^\\d+)', ['id']],
    ['/:id((?:x:not|y)+)/:more', ['id', 'more']],
    ['/::not/:id', ['id']],
    ['/all/*', ['*']],
    ['/:id/*', ['id', '*']],
    ['/nothing', []],
  ])('knows the parameters of %s', (path, names) => {
    for (const name of ['a', 'b', 'from', 'to', 'id', 'not', 'more', 'x', '*', 'all']) {
      const problem = `asks for the parameter "${name}", which ${path} has not`;
      const problems = names.includes(name) ? [] : [problem];
      expect(of({ claims: { sub: param(name) } }, path)).toEqual(problems);
    }
  });

  it('looks for a parameter in every path, and at any depth', () => {
    const problem = 'asks for the parameter "id", which /b has not';
    for (const content of [{ a: param('id') }, { a: [{ b: param('id') }] }]) {
      expect(of({ claims: content }, '/a/:id', '/b')).toEqual([problem]);
      expect(of({ scope: content }, '/b')).toEqual([problem]);
      expect(of({ scope: { a: 1 }, override: { claims: content } }, '/b')).toEqual([problem]);
    }
  });
});
