import { describe, expect, it } from '@jest/globals';
import {
  headerOf,
  loginCookieOf,
  param,
  placesOf,
  type TokenRequirement,
  unmetCondition,
} from '../../src/access/requirement.js';
import { type Claims, Token } from '../../src/tokens/token.js';

const tokenOf = (claims: Partial<Claims> = {}) =>
  new Token('signed', { alg: 'HS256' }, { sub: 'leia', ...claims } as Claims);

/** The code of what the token lacks, or null. */
const lacks = (
  requirement: TokenRequirement,
  claims: Partial<Claims> = {},
  params: Record<string, string> = {},
) => unmetCondition(requirement, tokenOf(claims), params)?.code ?? null;

describe('A token requirement', () => {
  it('is met by any token when it asks for nothing', () => {
    expect(lacks({})).toBeNull();
    expect(lacks({ fresh: false, scope: {}, claims: {} })).toBeNull();
  });

  it('asks for a fresh token before it looks at the override', () => {
    const requirement = {
      fresh: true,
      claims: { sub: param('id') },
      override: { scope: { admin: true } },
    };
    const admin = { scope: { admin: true } };
    expect(lacks(requirement, { ...admin, fresh: false }, { id: 'leia' })).toBe(
      'fresh_token_required',
    );
    expect(lacks(requirement, admin, { id: 'luke' })).toBe('fresh_token_required');
    expect(lacks(requirement, { ...admin, fresh: true }, { id: 'luke' })).toBeNull();
    expect(lacks(requirement, { fresh: true }, { id: 'luke' })).toBe('claim_required');
    expect(lacks(requirement, { fresh: true }, { id: 'leia' })).toBeNull();
  });

  it('is overridden by a claim, too, and by nothing that only holds a part of the override', () => {
    const requirement = {
      scope: { write: true },
      override: { scope: { admin: true }, claims: { staff: true } },
    };
    expect(lacks(requirement, { scope: { write: true } })).toBeNull();
    expect(lacks(requirement, { scope: { admin: true }, staff: true })).toBeNull();
    expect(lacks(requirement, { scope: { admin: true } })).toBe('scope_required');
    expect(lacks(requirement, { staff: true })).toBe('scope_required');
    expect(lacks({ scope: { write: true }, override: { claims: { staff: true } } }, {})).toBe(
      'scope_required',
    );
  });

  it('asks for the scope before the claims', () => {
    const requirement = { scope: { admin: true }, claims: { staff: true } };
    expect(lacks(requirement)).toBe('scope_required');
    expect(lacks(requirement, { scope: { admin: true } })).toBe('claim_required');
    expect(lacks(requirement, { staff: true })).toBe('scope_required');
    expect(lacks(requirement, { scope: { admin: true }, staff: true })).toBeNull();
  });

  it.each<[unknown, unknown, boolean]>([
    ['a', 'a', true],
    ['a', 'b', false],
    [1, 1, true],
    ['1', 1, false],
    [null, null, true],
    [undefined, null, false],
    [['a', 'b', 'c'], ['c', 'a'], true],
    [['a'], ['a', 'b'], false],
    [[], ['a'], false],
    [['a'], [], true],
    [[], [], true],
    ['a', ['a'], false],
    [{ a: 1 }, [], false],
    [[{ a: 1, b: 2 }], [{ a: 1 }], true],
    [[{ b: 2 }], [{ a: 1 }], false],
    [['a'], 'a', false],
    [{ a: 1, b: 2 }, { a: 1 }, true],
    [{ a: 1 }, { a: 1, b: 2 }, false],
    [{ a: 2 }, { a: 1 }, false],
    [{ a: { b: [1, 2] } }, { a: { b: [2] } }, true],
    [{ a: { b: [1] } }, { a: { b: [2] } }, false],
    [[], {}, false],
    ['a', {}, false],
    [{}, {}, true],
    // No object holds what it only inherits.
    [{}, { constructor: Object }, false],
    [{}, { missing: undefined }, false],
  ])('with the claim %j is asked for %j: %j', (actual, wanted, met) => {
    expect(lacks({ claims: { claim: wanted } }, { claim: actual })).toBe(
      met ? null : 'claim_required',
    );
  });

  it('binds a claim to the parameter of the route that it names', () => {
    const bound = { claims: { sub: param('id') } };
    expect(lacks(bound, {}, { id: 'leia', other: 'luke' })).toBeNull();
    expect(lacks(bound, {}, { id: 'luke', other: 'leia' })).toBe('claim_required');
    expect(lacks(bound, {}, {})).toBe('claim_required');
    const number = { claims: { n: param('n') } };
    expect(lacks(number, { n: 7 }, { n: '7' })).toBeNull();
    expect(lacks(number, { n: '7' }, { n: '7' })).toBeNull();
    for (const [n, text] of [
      ...[
        [undefined, 'undefined'],
        [null, 'null'],
        [true, 'true'],
        [['7'], '7'],
      ],
      [{ n: 7 }, '[object Object]'],
    ] as const) {
      expect(lacks(number, { n }, { n: text })).toBe('claim_required');
    }
  });

  it('binds what lies within objects and lists, in the override, too', () => {
    const nested = { scope: { ships: [param('id')] }, override: { scope: { all: param('id') } } };
    expect(lacks(nested, { scope: { ships: ['1', 7] } }, { id: '7' })).toBeNull();
    expect(lacks(nested, { scope: { ships: ['1'] } }, { id: '7' })).toBe('scope_required');
    expect(lacks(nested, { scope: { all: '7' } }, { id: '7' })).toBeNull();
    expect(lacks(nested, { scope: { all: '1' } }, { id: '7' })).toBe('scope_required');
  });
});

describe('The places of a requirement', () => {
  it.each<[TokenRequirement, string[], string | null]>([
    [{}, [], 'authorization'],
    [{ in: 'header' }, ['header'], 'authorization'],
    [{ in: 'cookie', cookie: 'mine' }, ['cookie'], null],
    [{ in: ['cookie', 'header'], cookie: 'mine' }, ['cookie', 'header'], 'authorization'],
    [{ header: 'X-Token' }, ['header'], 'x-token'],
    [{ in: 'cookie', header: 'X-Token' }, ['cookie'], null],
    [{ in: ['header', 'cookie'], header: 'X-Token' }, ['header', 'cookie'], 'x-token'],
    [{ in: [] }, [], 'authorization'],
  ])('of %j are %j, and its header is %j', (requirement, places, header) => {
    expect(placesOf(requirement)).toEqual(places);
    expect(headerOf(requirement)).toBe(header);
  });
});

describe('The login cookie of a requirement', () => {
  it.each<[TokenRequirement, string | null]>([
    [{}, 'access'],
    [{ type: 'access' }, 'access'],
    [{ type: 'refresh' }, null],
    [{ type: 'refresh', refreshCookie: true }, 'refresh'],
    [{ in: 'header' }, null],
    [{ header: 'X-Token' }, null],
  ])('of %j is %j', (requirement, cookie) => {
    expect(loginCookieOf(requirement)).toBe(cookie);
  });
});
