import { describe, expect, it } from '@jest/globals';
import { requirementErrors } from '../../src/access/requirement-problems.js';
import { param, type TokenRequirement } from '../../src/access/requirement.js';

const errorsOf = (requirement: object, ...paths: string[]) =>
  requirementErrors(requirement, paths.length > 0 ? paths : ['/of/:id']);
const emptyOverride = ['has an `override` without a condition, which every token would meet'];
const noValue = (option: string) => [`requires a value in \`${option}\` that no token can have`];

describe('requirementErrors', () => {
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
  ])('finds no error in %j', (requirement) => {
    expect(errorsOf(requirement)).toEqual([]);
  });

  it.each<[object, string[]]>([
    [{ scopes: {}, more: 1 }, ['has the unknown option `scopes`', 'has the unknown option `more`']],
    [{ in: 'query' }, ['has an unknown place in `in`: "query"']],
    [{ in: ['query', 'body', 'header'] }, ['has an unknown place in `in`: "query, body"']],
    [{ in: [] }, ['names no place for the token: `in` is []']],
    [{ header: '' }, ['names the header "", which is not a valid name']],
    [{ header: 'x token' }, ['names the header "x token", which is not a valid name']],
    [{ header: ' x' }, ['names the header " x", which is not a valid name']],
    [{ header: 'x ' }, ['names the header "x ", which is not a valid name']],
    [
      { header: 'AUTHORIZATION' },
      ['names the header "authorization", which is the default; leave it out'],
    ],
    [
      { in: 'cookie', cookie: 'mine', header: 'x-token' },
      ['names the header "x-token", but `in` does not contain "header"'],
    ],
    ...[undefined, '', 'a b', 'a;', '=a'].map((cookie): [object, string[]] => [
      { in: 'cookie', ...(cookie !== undefined && { cookie }) },
      ['reads a cookie without a valid name; set it in `cookie`'],
    ]),
    [{ cookie: 'mine' }, ['names the cookie "mine", but `in` does not contain "cookie"']],
    [{ in: 'header', cookie: '' }, ['names the cookie "", but `in` does not contain "cookie"']],
  ])('names the errors in the token places of %j', (requirement, problems) => {
    expect(errorsOf(requirement)).toEqual(problems);
  });

  it.each([
    { refreshCookie: true },
    { type: 'access', refreshCookie: true },
    { type: 'refresh', refreshCookie: true, in: 'header' },
    { type: 'refresh', refreshCookie: true, header: 'x-token' },
  ])('reports that the refresh cookie is not read with %j', (requirement) => {
    expect(errorsOf(requirement)).toEqual([
      'reads the refresh cookie without `type: "refresh"`, or together with `in` or `header`',
    ]);
  });

  it.each<[object, string[]]>([
    [
      { claims: { type: 'refresh' } },
      ['requires the claim "type" in `claims`; use the option `type` instead'],
    ],
    [
      { type: 'refresh', claims: { type: 'refresh' } },
      ['requires the claim "type" in `claims`; use the option `type` instead'],
    ],
    [{ allowRotated: true }, ['allows rotated access tokens, but only refresh tokens rotate']],
    [
      { type: 'access', allowRotated: true, fresh: true, scope: { a: 1 } },
      ['allows rotated access tokens, but only refresh tokens rotate'],
    ],
    [
      { type: 'refresh', fresh: true },
      ['requires a fresh refresh token, but only access tokens are fresh'],
    ],
    [
      { type: 'refresh', scope: { a: 1 } },
      ['requires a scope of a refresh token, but only access tokens have one'],
    ],
    [
      { type: 'refresh', claims: { a: 1 }, override: { scope: { a: 1 } } },
      ['requires a scope of a refresh token, but only access tokens have one'],
    ],
  ])('reports the conflict between the token type and %j', (requirement, problems) => {
    expect(errorsOf(requirement)).toEqual(problems);
  });

  it.each([undefined, NaN, Infinity, () => true, Symbol('a'), 1n, new Set(), new Map(), /a/])(
    'reports that no token can hold %p',
    (value) => {
      expect(errorsOf({ claims: { a: value } })).toEqual(noValue('claims'));
      expect(errorsOf({ scope: { a: [1, { b: value }] } })).toEqual(noValue('scope'));
      expect(errorsOf({ claims: { a: 1, b: value } })).toEqual(noValue('claims'));
      expect(errorsOf({ scope: { a: 1 }, override: { claims: { a: value } } })).toEqual(
        noValue('override.claims'),
      );
    },
  );

  it.each([null, {}, [], 'admin', ['admin'], 1])('reports that %j requires nothing', (content) => {
    expect(errorsOf({ claims: content })).toEqual(['has no condition in `claims`; leave it out']);
    expect(errorsOf({ scope: content })).toEqual(['has no condition in `scope`; leave it out']);
    expect(errorsOf({ scope: { a: 1 }, override: { scope: content ?? {} } })).toEqual([
      'has no condition in `override.scope`; leave it out',
    ]);
  });

  it.each([
    ...[{}, null, [], 'admin', { other: 1 }, { scope: undefined }],
    Object.assign([], { scope: { a: 1 } }),
  ])('reports an override that requires nothing: %j', (override) => {
    expect(errorsOf({ scope: { a: 1 }, override })).toEqual(emptyOverride);
    expect(errorsOf({ override })).toEqual(emptyOverride);
  });

  it('reports an override without anything to override', () => {
    for (const override of [{ scope: { a: 1 } }, { claims: { a: 1 } }]) {
      expect(errorsOf({ override })).toEqual([
        'has an `override`, but no `scope` or `claims` to override',
      ]);
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
  ])('knows the parameters of the path %s', (path, names) => {
    for (const name of ['a', 'b', 'from', 'to', 'id', 'not', 'more', 'x', '*', 'all']) {
      const problem = `uses the parameter "${name}", which ${path} does not have`;
      const problems = names.includes(name) ? [] : [problem];
      expect(errorsOf({ claims: { sub: param(name) } }, path)).toEqual(problems);
    }
  });

  it('looks for a parameter in every path, and at any depth of the requirement', () => {
    const problem = 'uses the parameter "id", which /b does not have';
    for (const content of [{ a: param('id') }, { a: [{ b: param('id') }] }]) {
      expect(errorsOf({ claims: content }, '/a/:id', '/b')).toEqual([problem]);
      expect(errorsOf({ scope: content }, '/b')).toEqual([problem]);
      expect(errorsOf({ scope: { a: 1 }, override: { claims: content } }, '/b')).toEqual([problem]);
    }
  });
});
